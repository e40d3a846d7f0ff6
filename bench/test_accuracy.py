"""How accurate is it? The 12 COCO numbers of each precision. thresholds.toml limits the loss of a reduced one."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.scenarios.protocol import Scenario

pytestmark = [pytest.mark.measures("accuracy"), pytest.mark.benchmark(group="accuracy", timer=WORKER_CLOCK)]


def test_accuracy(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
