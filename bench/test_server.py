"""How many requests a second before the tail of the latency breaks its bound? Only with --server, or by name."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.scenarios.protocol import Scenario

pytestmark = [pytest.mark.measures("server"), pytest.mark.benchmark(group="server", timer=WORKER_CLOCK)]


def test_server(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
