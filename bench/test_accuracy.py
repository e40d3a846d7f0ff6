"""How right is it? The 12 COCO numbers of each precision. What a reduced one may lose is in thresholds.toml."""

import pytest

from fixtures.accuracy import Evaluation
from fixtures.images import Records
from fixtures.inference import Inference
from fixtures.postprocess import Replaced
from fixtures.recorder import Recorder

pytestmark = [pytest.mark.measures("accuracy"), pytest.mark.benchmark(group="accuracy")]


def test_accuracy(
    inference: Inference, records: Records, evaluation: Evaluation, record: Recorder, replaced: Replaced
) -> None:
    inference.feed(records)
    found = record.accuracy(inference, lambda: evaluation(replaced), rounding=evaluation.rounding)
    replaced.compare(records, evaluation, found)
