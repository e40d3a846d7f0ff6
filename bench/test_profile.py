"""Where does the time go? Layer by layer, with each layer's kernel and share of the roofline; only with --profile."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.scenarios.protocol import Scenario

pytestmark = [pytest.mark.measures("profile"), pytest.mark.benchmark(group="profile", timer=WORKER_CLOCK)]


def test_profile(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
