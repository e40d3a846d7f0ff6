"""How fast and how accurate are other runtimes? The same network and images, measured in turn; only with --peers."""

import pytest

from fixtures.record import WORKER_CLOCK, Recorder
from ssd_core.backends.protocol import SCOPES, Scope
from ssd_core.results.case import Case
from ssd_core.scenarios.peers import Peers
from ssd_core.scenarios.protocol import Context, Scenario

pytestmark = pytest.mark.benchmark(group="peers", timer=WORKER_CLOCK)


@pytest.mark.measures("peers")
@pytest.mark.parametrize("scope", SCOPES)
def test_peers_latency(case: Case, scope: Scope, context: Context, record: Recorder) -> None:
    record.keep(Peers(case, context, "latency", scope).measure())


@pytest.mark.measures("peers")
@pytest.mark.parametrize("scope", SCOPES)
def test_peers_throughput(case: Case, scope: Scope, context: Context, record: Recorder) -> None:
    record.keep(Peers(case, context, "throughput", scope).measure())


@pytest.mark.measures("peers_accuracy")
def test_peers_accuracy(scenario: Scenario, record: Recorder) -> None:
    record.keep(scenario.measure())
