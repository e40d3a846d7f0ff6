"""How fast, and how right, beside other runtimes? The same network and images, measured in turn; only with --peers."""

import pytest

from fixtures.accuracy import Evaluation
from fixtures.cases import Case
from fixtures.images import Records
from fixtures.peers import Beside
from fixtures.recorder import Recorder
from ssd_core.backends.protocol import SCOPES, Scope

pytestmark = [pytest.mark.measures("peers"), pytest.mark.benchmark(group="peers")]


@pytest.mark.parametrize("scope", SCOPES)
def test_peers_latency(case: Case, scope: Scope, beside: Beside, records: Records, record: Recorder) -> None:
    record.beside_peers(beside.match(case, scope), "latency", records)


@pytest.mark.parametrize("scope", SCOPES)
def test_peers_throughput(case: Case, scope: Scope, beside: Beside, records: Records, record: Recorder) -> None:
    record.beside_peers(beside.match(case, scope), "throughput", records)


def test_peers_accuracy(case: Case, beside: Beside, records: Records, evaluation: Evaluation, record: Recorder) -> None:
    record.accuracy_beside_peers(lambda: beside.accuracy(case, records, evaluation), records)
