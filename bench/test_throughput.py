"""How many images a second? Whole batches, one after the other."""

import pytest

from fixtures.images import Records
from fixtures.inference import Inference
from fixtures.recorder import WORKER_CLOCK, Recorder

pytestmark = [pytest.mark.measures("throughput"), pytest.mark.benchmark(group="throughput", timer=WORKER_CLOCK)]


def test_throughput(inference: Inference, timing_records: Records | None, record: Recorder) -> None:
    inference.feed(timing_records)
    record.inference(inference, inference.measure())
