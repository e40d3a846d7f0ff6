"""How many images a second? Whole batches, one after the other."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.scenarios.protocol import Scenario

pytestmark = [pytest.mark.measures("throughput"), pytest.mark.benchmark(group="throughput", timer=WORKER_CLOCK)]


def test_throughput(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
