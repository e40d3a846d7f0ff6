"""Is it slower than its variant? Both in turn, A B B A, in two workers on the same machine; only with --against."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.scenarios.protocol import Scenario

pytestmark = [pytest.mark.measures("against"), pytest.mark.benchmark(group="against", timer=WORKER_CLOCK)]


def test_against(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
