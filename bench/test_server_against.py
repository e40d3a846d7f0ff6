"""Does it sustain as many requests a second as its variant? Only with --server --against."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.scenarios.protocol import Scenario

pytestmark = [pytest.mark.measures("server_against"), pytest.mark.benchmark(group="server", timer=WORKER_CLOCK)]


def test_server_against(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
