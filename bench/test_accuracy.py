"""How right is it? The 12 COCO numbers of each precision. What a reduced one may lose is in thresholds.toml."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.scenarios.protocol import Scenario

pytestmark = [pytest.mark.measures("accuracy"), pytest.mark.benchmark(group="accuracy", timer=WORKER_CLOCK)]


def test_accuracy(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
