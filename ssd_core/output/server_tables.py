"""The tables of server cases: the rate with its bound, and what was measured at each rate."""

from collections.abc import Sequence

from ssd_core.output.table import Table
from ssd_core.results.schema import Result, ServerResult


def rates(results: Sequence[Result]) -> Table:
    """One row per case: the rate, the bound that it keeps, and the peak with its interval."""
    rows = []
    for result in (one for one in results if isinstance(one, ServerResult)):
        peak = result.peak
        bound = f"p{result.percentile:g} <= {result.bound_ms:g} ms"
        ends = "" if peak is None else f"{peak.value:.2f} [{peak.low:.2f} to {peak.high:.2f}]"
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


_LATE_MS = 0.2
_PARTS = ("queueing", "batching", "inference", "batch", "late ms")
