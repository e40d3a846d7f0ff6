"""The real LoadGen on a network of known times: what it issues is answered once, and its figures are ours."""

import json
from pathlib import Path

import numpy as np
import pytest

from ssd_core.errors import UserError
from ssd_core.worker.loadgen import PREFIX, SCENARIOS, Ask, LoadgenScenario, results_of, run
from ssd_core.worker.serving import Serving
from tests.worker.test_serving import IMAGES, Network

pytest.importorskip("mlperf_loadgen", reason="the extra [loadgen] is not installed")

QUERIES = 70


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize(("streams", "batch"), [(1, 1), (2, 4)])
def test_its_figures_are_those_of_the_requests(
    scenario: LoadgenScenario, streams: int, batch: int, tmp_path: Path
) -> None:
    network = Network()
    serving = Serving([network] * streams, IMAGES, batch, 0, None)
    results, served = run(Ask(scenario, QUERIES, 90, 200.0, 10_000.0), serving, len(IMAGES), tmp_path)
    requests = 8 if scenario == "MultiStream" else 1
    assert len(served.arrived_ns) == QUERIES * requests == sum(map(len, network.batches))
    assert results["validity"] == "VALID"
    assert {path.name for path in tmp_path.iterdir()} >= {f"{PREFIX}summary.txt", f"{PREFIX}detail.txt"}
    per_query = "per_query_" if requests > 1 else ""
    ours_ns = np.sort(served.latency_ns.reshape(-1, requests).max(axis=1))
    # LoadGen counts from before the request is handed over until after the answer, so that its latency is longer.
    assert results[f"min_{'query_' if requests > 1 else ''}latency_ns"] >= ours_ns[0]
    assert results[f"90.00_percentile_{per_query}latency_ns"] >= ours_ns[int(0.9 * QUERIES) - 2]


def test_a_network_that_fails_ends_the_run(tmp_path: Path) -> None:
    serving = Serving([Network(ValueError("no"))] * 2, IMAGES, 1, 0, None)
    with pytest.raises(ValueError, match="no"):
        run(Ask("Server", 20, 90, 1000.0, 50.0), serving, len(IMAGES), tmp_path)


def test_a_log_without_a_result_is_refused(tmp_path: Path) -> None:
    detail = tmp_path / "detail.txt"
    with pytest.raises(UserError, match=r"LoadGen wrote no result to .*detail\.txt \(it is not complete\)"):
        results_of(detail)
    line = {"key": "error_runtime", "value": "out of queries", "metadata": {"is_error": True}}
    detail.write_text(f":::MLLOG {json.dumps(line)}\n")
    with pytest.raises(UserError, match="out of queries"):
        results_of(detail)
