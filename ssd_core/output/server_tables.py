"""The tables of server cases: the rate with its bound, and what was measured at each rate."""

from collections.abc import Sequence

from ssd_core.output.table import Table
from ssd_core.results.parts import Interval
from ssd_core.results.schema import LoadgenResult, Result, ServerResult


def rates(results: Sequence[Result]) -> Table:
    """One row per case: the rate, the bound that it keeps, and the peak with its interval."""
    rows = []
    for result in (one for one in results if isinstance(one, ServerResult)):
        peak = result.peak
        bound = f"p{result.percentile:g} <= {result.bound_ms:g} ms"
        ends = "" if peak is None else _ends(peak, ".2f")
        rows.append([f"server {result.case.id}", f"{result.rate:.2f}", bound, ends])
    note = "requests/s: three schedules of random arrivals were served at it; peak: the median of simulated schedules"
    return Table(["case", "requests/s", "bound", "peak"], rows, [note]).filled


def points(results: Sequence[Result]) -> Table:
    """One row per schedule: its rate, latency, and where the time goes."""
    rows = []
    for result in (one for one in results if isinstance(one, ServerResult)):
        for point in result.points:
            parts = (point.queueing_ms, point.batching_ms, point.inference_ms)
            cells = [f"{one:.2f}" for one in (point.p50_ms, point.tail_ms, *parts, point.batch)]
            kept = "yes" if point.keeps else "NO"
            served = [f"{point.rate:.2f}", str(point.requests), kept]
            rows.append([f"server {result.case.id}", *served, *cells, f"{point.late_ms:.3f}"])
    header = ["case", "requests/s", "requests", "keeps", "p50 ms", "tail ms", *_PARTS]
    late = [
        point for one in results if isinstance(one, ServerResult) for point in one.points if point.late_ms > _LATE_MS
    ]
    note = f"LATE: free streams took requests more than {_LATE_MS:g} ms late (p99); it counts as latency"
    return Table(header, rows, [note] if late else [])


def loadgen(results: Sequence[Result]) -> Table:
    """One row per case and scenario: our figure, LoadGen's, and their ratio."""
    rows = []
    for result in (one for one in results if isinstance(one, LoadgenResult)):
        for row in result.rows:
            cells = [_ends(row.ours, ".2f"), _ends(row.loadgen, ".2f"), _ends(row.ratio, ".3f")]
            agrees = "yes" if row.agrees else "NO"
            valid = f"INVALID: {', '.join(row.invalid)}" if row.invalid else "VALID"
            rows.append([f"loadgen {result.case.id}", row.scenario, f"{row.figure} {row.unit}", *cells, agrees, valid])
    header = ["case", "scenario", "figure", "ours", "LoadGen's", "LoadGen's / ours", "agrees", "LoadGen says"]
    note = "measured in turn; this is a check of the measurement, and not an MLPerf result"
    return Table(header, rows, [note]).filled


def _ends(figure: Interval, of: str) -> str:
    return f"{figure.value:{of}} [{figure.low:{of}} to {figure.high:{of}}]"


_LATE_MS = 0.2
_PARTS = ("queueing", "batching", "inference", "batch", "late ms")
