"""MLPerf's LoadGen drives the worker: it issues the requests, and measures their latency by itself.

LoadGen (https://github.com/mlcommons/inference/tree/master/loadgen) is the extra `[loadgen]`. Our figures and LoadGen's
come from the same session, batching and streams; only who issues the requests differs.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ssd_core.errors import UserError
from ssd_core.stats.served import Served
from ssd_core.worker.arrivals import Live
from ssd_core.worker.serving import Serving

LoadgenScenario = Literal["SingleStream", "MultiStream", "Server", "Offline"]
SCENARIOS: tuple[LoadgenScenario, ...] = get_args(LoadgenScenario)
SAMPLES_PER_QUERY = 8  # of MultiStream, as MLPerf has it
PREFIX = "mlperf_log_"
_DETAIL = f"{PREFIX}detail.txt"
_MARK = ":::MLLOG "


@dataclass(frozen=True)
class Ask:
    """What LoadGen is asked: a scenario, so many queries of it, and the percentile that they are judged by."""

    scenario: LoadgenScenario
    queries: int
    percentile: float
    rate: float = 1.0
    """Of Server, queries a second."""
    bound_ms: float = 1.0
    """Of Server's latency."""
    seed: int = 662


def run(asked: Ask, serving: Serving, images: int, folder: Path) -> tuple[dict[str, Any], Served]:
    """Run one scenario; LoadGen's own results by key, and the requests as the worker saw them.

    LoadGen's `mlperf_log_*` files are left in the folder. UserError if it wrote no result.
    """
    import mlperf_loadgen as loadgen

    issued = _Issued(loadgen)
    under_test = loadgen.ConstructSUT(issued.issue, lambda: None)
    library = loadgen.ConstructQSL(images, images, lambda samples: None, lambda samples: None)
    outcome: list[Served | BaseException] = []
    server = threading.Thread(target=lambda: outcome.append(_served(serving, issued)))
    server.start()
    issued.begun.wait()
    try:
        loadgen.StartTestWithLogSettings(under_test, library, _settings(loadgen, asked), _logs(loadgen, folder))
    finally:
        issued.end()
        server.join()
        loadgen.DestroyQSL(library)
        loadgen.DestroySUT(under_test)
    [served] = outcome
    if isinstance(served, BaseException):
        raise served
    return results_of(folder / _DETAIL), served


def results_of(detail: Path) -> dict[str, Any]:
    """LoadGen's results: the lines of its detailed log whose key begins with `result_`, and `early_stopping_met`."""
    lines = detail.read_text(encoding="utf-8", errors="replace").splitlines() if detail.is_file() else []
    said = [json.loads(line.removeprefix(_MARK)) for line in lines if line.startswith(_MARK)]
    kept = (one for one in said if one["key"].startswith("result_") or one["key"] == "early_stopping_met")
    results = {one["key"].removeprefix("result_"): one["value"] for one in kept}
    if "validity" not in results:
        problems = [str(one["value"]) for one in said if one.get("metadata", {}).get("is_error")]
        raise UserError(f"LoadGen wrote no result to {detail} ({'; '.join(problems) or 'it is not complete'}).")
    return results


class _Issued(Live):
    """The requests that LoadGen issues. After a stream's failure all are answered, because LoadGen waits for them."""

    def __init__(self, loadgen: Any) -> None:
        super().__init__()
        self.begun = threading.Event()
        self._loadgen = loadgen
        self._ids: list[int] = []  # this and what follows is guarded by `_changed`
        self._open: set[int] = set()
        self._failed = False

    def begin(self) -> None:
        """LoadGen may begin, too."""
        super().begin()
        self.begun.set()

    def issue(self, samples: Any) -> None:
        """Take requests; LoadGen calls it from its own thread."""
        ids = [sample.id for sample in samples]
        with self._changed:
            self._ids += ids
            self._open.update(ids)
            self.add(len(ids))
            failed = self._failed
        if failed:
            self._answer(ids)

    def answered(self, first: int, size: int) -> None:
        """Tell LoadGen."""
        self._answer(self._ids[first : first + size])

    def fail(self) -> None:
        """Answer all, so that LoadGen ends."""
        with self._changed:
            self._failed = True
        self._answer(self._ids)

    def _answer(self, ids: list[int]) -> None:
        with self._changed:
            still_open = [one for one in ids if one in self._open]
            self._open.difference_update(still_open)
        self._loadgen.QuerySamplesComplete([self._loadgen.QuerySampleResponse(one, 0, 0) for one in still_open])


def _served(serving: Serving, issued: _Issued) -> Served | BaseException:
    try:
        return serving.run(issued)
    except BaseException as error:
        issued.fail()
        return error


def _settings(loadgen: Any, asked: Ask) -> Any:
    """The scenario's settings: so many queries, however long they take."""
    settings = loadgen.TestSettings()
    settings.scenario = getattr(loadgen.TestScenario, asked.scenario)
    settings.mode = loadgen.TestMode.PerformanceOnly
    settings.min_duration_ms = 0
    settings.min_query_count = asked.queries  # a maximum as well would be an error in LoadGen's log
    share = asked.percentile / 100
    settings.single_stream_target_latency_percentile = share
    settings.multi_stream_target_latency_percentile = share
    settings.multi_stream_samples_per_query = SAMPLES_PER_QUERY
    settings.server_target_latency_percentile = share
    settings.server_target_latency_ns = round(asked.bound_ms * 1e6)
    settings.server_target_qps = asked.rate
    settings.offline_expected_qps = 1.0
    for name in ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed"):
        setattr(settings, name, asked.seed)
    return settings


def _logs(loadgen: Any, folder: Path) -> Any:
    output = loadgen.LogOutputSettings()
    output.outdir = str(folder)
    output.prefix = PREFIX
    logs = loadgen.LogSettings()
    logs.log_output = output
    logs.enable_trace = False
    return logs
