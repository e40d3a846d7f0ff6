"""LoadGen beside our own figures: MLPerf's four scenarios of the same worker, both measured in turn.

It is a check of the measurement, and not an MLPerf result: MLPerf has rules on the network, the data and the duration.
"""

import dataclasses
import importlib.util
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.results.parts import Interval, LoadgenRow
from ssd_core.results.schema import LoadgenResult
from ssd_core.scenarios import server
from ssd_core.scenarios.protocol import Context, Scenario
from ssd_core.scenarios.settings import Settings
from ssd_core.stats.bootstrap import Estimate, Statistic, estimate, interval, quantile
from ssd_core.stats.percentiles import samples_needed
from ssd_core.stats.samples import NS_PER_SECOND
from ssd_core.stats.served import Served
from ssd_core.worker.loadgen import SAMPLES_PER_QUERY, Ask, LoadgenScenario

REPORTED = (50, 90, 95, 97, 99, 99.9)  # the percentiles that LoadGen reports
_STREAM_PERCENTILE = 90.0  # of SingleStream, as MLPerf has it, and of MultiStream: its p99 takes 5,296 images
_ROUNDS = 2  # of ours and LoadGen's: ours, LoadGen's, LoadGen's, ours
_ROUNDS_OF_SERVER = 3  # more, since the tail depends on the schedule
_RUN_S = 4.0  # of a run, at the least
_MS = 1e-6  # of a nanosecond
_PACKAGE = "mlcommons-loadgen"

Series = NDArray[np.float64]


def cases(settings: Settings) -> Iterator[Case]:
    """Those of the server scenario."""
    yield from server.cases(settings, "loadgen")


def require() -> None:
    """UserError if LoadGen is not installed."""
    if importlib.util.find_spec("mlperf_loadgen") is None:
        raise UserError(
            f"--loadgen needs the package {_PACKAGE} (x86_64 Linux, Python 3.11 to 3.13): pip install -e '.[loadgen]'."
        )


@dataclass(frozen=True)
class _Turns:
    """One scenario: how each side runs it, and the figure of a run."""

    ask: Ask
    rounds: int
    ours: Callable[[], Served]
    series: Callable[[Served], Series]
    """The numbers that the figure is of: latencies, or times of batches."""
    statistic: Statistic
    value: Callable[[Served], float]
    said: Callable[[dict[str, Any]], float]
    """LoadGen's figure in its results."""
    name: str
    unit: Literal["ms", "images/s"]
    sign: int = 1
    """-1 if the figure is the inverse of the series."""


class Loadgen(Scenario):
    """Finds the rate of the server case, and then runs LoadGen's scenarios in turn with ours."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__(case, context)
        percent = context.settings.server.percentile
        if percent is not None and percent not in REPORTED:
            raise UserError(
                f"LoadGen does not report p{percent:g}: give --latency-percentile {', '.join(map(str, REPORTED))}."
            )
        self._server = server.Server(dataclasses.replace(case, kind="server"), context)

    def measure(self) -> LoadgenResult:
        """Measure the server case, and the four scenarios; UserError if LoadGen gives no result."""
        start = time.perf_counter()
        found = self._server.measure()
        with self.context.progress.bar(unit=" runs", desc=str(self.case)) as bar:
            rows = []
            for turns in self._scenarios(found.rate, found.bound_ms, found.percentile):
                bar.set_postfix_str(turns.ask.scenario)
                rows.append(self._row(turns, bar))
        return LoadgenResult(
            **self.case.fields,
            rate=found.rate,
            bound_ms=found.bound_ms,
            percentile=found.percentile,
            batch_timeout_ms=found.batch_timeout_ms,
            rows=rows,
            loadgen_version=version(_PACKAGE),
            duration_s=time.perf_counter() - start,
            **self._server.endpoint.inference.depends_on(),
        )

    def _scenarios(self, rate: float, bound_ms: float, percent: float) -> Sequence[_Turns]:
        of_one_ns = float(self._queries(8, 1).latency_ns.mean())
        single = max(samples_needed(_STREAM_PERCENTILE), int(_RUN_S * NS_PER_SECOND / of_one_ns))
        multi = max(samples_needed(_STREAM_PERCENTILE), int(_RUN_S * NS_PER_SECOND / (SAMPLES_PER_QUERY * of_one_ns)))
        scheduled = max(samples_needed(percent), int(_RUN_S * rate))
        together = self.case.batch_size * self.case.streams
        offline = math.ceil(single / together) * together
        return (
            _latency(Ask("SingleStream", single, _STREAM_PERCENTILE), lambda: self._queries(single, 1)),
            _latency(Ask("MultiStream", multi, _STREAM_PERCENTILE), lambda: self._queries(multi, SAMPLES_PER_QUERY)),
            dataclasses.replace(
                _latency(Ask("Server", scheduled, percent, rate, bound_ms), lambda: self._at(rate, scheduled)),
                rounds=_ROUNDS_OF_SERVER,
            ),
            _rate(Ask("Offline", offline, 99), lambda: self._at_once(offline)),
        )

    def _queries(self, queries: int, requests: int) -> Served:
        return self._server.endpoint.inference.worker.serve_queries(queries, requests, self._server.endpoint.batches)

    def _at_once(self, requests: int) -> Served:
        return self._server.endpoint.inference.worker.serve(np.zeros(requests, np.int64), self._server.endpoint.batches)

    def _at(self, rate: float, requests: int) -> Served:
        return self._server.schedule(rate, requests)

    def _row(self, turns: _Turns, bar: Any) -> LoadgenRow:
        ours: list[Served] = []
        theirs: list[Served] = []
        results: list[dict[str, Any]] = []
        folders = [self._folder(turns.ask.scenario, number) for number in range(1, turns.rounds + 1)]

        def measure_ours() -> None:
            ours.append(turns.ours())

        def measure_theirs() -> None:
            asked = dataclasses.replace(turns.ask, seed=turns.ask.seed + len(results))
            result, served = self._server.endpoint.inference.worker.loadgen(
                asked, self._server.endpoint.batches, folders[len(results)]
            )
            results.append(result)
            theirs.append(served)

        for number in range(turns.rounds):
            for measure in (measure_theirs, measure_ours) if number % 2 else (measure_ours, measure_theirs):
                measure()
                bar.update()
        own = _estimate(turns, ours, [turns.value(served) for served in ours])
        loadgen = _estimate(turns, theirs, [turns.said(result) for result in results])
        return LoadgenRow(
            scenario=turns.ask.scenario,
            figure=turns.name,
            unit=turns.unit,
            queries=turns.ask.queries,
            ours=_interval([(1, own)]),
            loadgen=_interval([(1, loadgen)]),
            ratio=_interval([(1, loadgen), (-1, own)]),
            invalid=sorted({reason for result in results for reason in _why_invalid(result)}),
            logs=[folder.name for folder in folders],
        )

    def _folder(self, scenario: LoadgenScenario, number: int) -> Path:
        """The folder of LoadGen's files of one run, in the output folder."""
        folder = self.context.folder / f"loadgen_{self.context.stamp}_{self.case.id}_{scenario}_{number}"
        folder.mkdir(exist_ok=True)  # of the same case, repeated
        return folder


def _latency(ask: Ask, ours: Callable[[], Served]) -> _Turns:
    """A percentile of the latency of queries."""
    requests = SAMPLES_PER_QUERY if ask.scenario == "MultiStream" else 1
    per_query = "per_query_" if requests > 1 else ""

    def series(served: Served) -> Series:
        latencies: Series = served.latency_ns.reshape(-1, requests).max(axis=1).astype(np.float64)
        return latencies

    return _Turns(
        ask=ask,
        rounds=_ROUNDS,
        ours=ours,
        series=series,
        statistic=quantile(ask.percentile / 100),
        value=lambda served: float(np.percentile(series(served), ask.percentile)) * _MS,
        said=lambda result: result[f"{ask.percentile:.2f}_percentile_{per_query}latency_ns"] * _MS,
        name=f"p{ask.percentile:g}",
        unit="ms",
    )


def _rate(ask: Ask, ours: Callable[[], Served]) -> _Turns:
    """Images a second; its uncertainty is that of the mean time of a batch."""
    return _Turns(
        ask=ask,
        rounds=_ROUNDS,
        ours=ours,
        series=lambda served: served.of_batches.astype(np.float64),
        statistic=lambda rows: rows.mean(axis=1),
        value=lambda served: len(served.arrived_ns) * NS_PER_SECOND / float(served.ended_ns.max()),
        said=lambda result: float(result["samples_per_second"]),
        name="rate",
        unit="images/s",
        sign=-1,
    )


def _estimate(turns: _Turns, runs: Sequence[Served], values: Sequence[float]) -> Estimate:
    """The figure's mean over the runs; as uncertain as all runs' series, one after the other, say."""
    spread = estimate([np.concatenate([turns.series(served) for served in runs])], turns.statistic)
    log = float(np.mean(np.log(values)))
    return dataclasses.replace(spread, log=log, deviations=turns.sign * spread.deviations)


def _interval(terms: Sequence[tuple[int, Estimate]]) -> Interval:
    value, low, high = interval(terms)
    return Interval(value, min(low, value), max(high, value))


def _why_invalid(result: dict[str, Any]) -> list[str]:
    """What LoadGen says was not met, if the run is invalid."""
    if result["validity"] == "VALID":
        return []
    failed = [key.removesuffix("_met").replace("_", " ") for key, met in result.items() if met is False]
    return failed or ["invalid"]
