"""How long does one image take? One at a time, as an online service sees it."""

import pytest

from fixtures.images import Records
from fixtures.inference import Inference
from fixtures.recorder import WORKER_CLOCK, Recorder

pytestmark = [pytest.mark.measures("latency"), pytest.mark.benchmark(group="latency", timer=WORKER_CLOCK)]


def test_latency(inference: Inference, timing_records: Records | None, record: Recorder) -> None:
    inference.feed(timing_records)
    record.inference(inference, inference.measure())
