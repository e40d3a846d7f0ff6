"""How long does one image take? One at a time, as an online service sees it."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.scenarios.protocol import Scenario

pytestmark = [pytest.mark.measures("latency"), pytest.mark.benchmark(group="latency", timer=WORKER_CLOCK)]


def test_latency(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
