"""Does MLPerf's LoadGen measure the same as we do? Only with --loadgen."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.scenarios.protocol import Scenario

pytestmark = [pytest.mark.measures("loadgen"), pytest.mark.benchmark(group="loadgen", timer=WORKER_CLOCK)]


def test_loadgen(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
