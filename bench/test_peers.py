"""How fast, and how right, are other runtimes? The same network and images, measured in turn; only with --peers."""

import pytest

from fixtures.accuracy import Evaluation
from fixtures.images import Records
from fixtures.peers import PeerRunners
from fixtures.recorder import Recorder
from ssd_core.backends.protocol import SCOPES, Scope
from ssd_core.results.case import Case

pytestmark = [pytest.mark.measures("peers"), pytest.mark.benchmark(group="peers")]


@pytest.mark.parametrize("scope", SCOPES)
def test_peers_latency(case: Case, scope: Scope, runners: PeerRunners, records: Records, record: Recorder) -> None:
    record.with_peers(runners.compare(case, scope), "latency", records)


@pytest.mark.parametrize("scope", SCOPES)
def test_peers_throughput(case: Case, scope: Scope, runners: PeerRunners, records: Records, record: Recorder) -> None:
    record.with_peers(runners.compare(case, scope), "throughput", records)


def test_peers_accuracy(
    case: Case, runners: PeerRunners, records: Records, evaluation: Evaluation, record: Recorder
) -> None:
    record.accuracy_with_peers(lambda: runners.accuracy(case, records, evaluation), records)
