"""How fast do images arrive? Reading, decoding, resizing and batching alone, without a network."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.scenarios.protocol import Scenario

pytestmark = [pytest.mark.measures("input_pipeline"), pytest.mark.benchmark(group="input", timer=WORKER_CLOCK)]


def test_input_pipeline(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
