"""How right is it? The 12 COCO numbers of each precision, and what the reduced ones lose against fp32."""

import pytest

from fixtures.accuracy import Evaluation
from fixtures.cases import Case
from fixtures.gate import Gate
from fixtures.images import Records
from fixtures.inference import Inference
from fixtures.recorder import Recorder


@pytest.mark.measures("accuracy")
@pytest.mark.benchmark(group="accuracy")
def test_accuracy(inference: Inference, records: Records, evaluation: Evaluation, record: Recorder) -> None:
    inference.feed(records)
    record.accuracy(inference, lambda: evaluation(inference), rounding=evaluation.rounding)


@pytest.mark.measures("accuracy_loss")
def test_accuracy_loss(case: Case, gate: Gate) -> None:
    """How much of fp32's AP does a reduced precision keep? Needs both to have been measured in this run."""
    gate.accuracy_loss(case)
