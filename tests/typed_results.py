"""Typed results for tests: whole ones, of which a test changes what it is about."""

from typing import Any

from ssd_core.results.case import Case
from ssd_core.results.parts import Data, Interval, LoadgenRow, RatePoint
from ssd_core.results.schema import (
    AccuracyResult,
    InputPipelineResult,
    LatencyResult,
    LoadgenResult,
    ServerResult,
    ThroughputResult,
    TimedResult,
    timing_of,
)

NAMES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100")
_KINDS = {"throughput": ThroughputResult, "latency": LatencyResult, "input_pipeline": InputPipelineResult}


def timed(precision: str = "int8", kind: str = "throughput", **changes: Any) -> TimedResult:
    """Three steps of two processes at batch 8."""
    identity = Case(kind, precision, 8, 1, 2).fields
    samples_ns = changes.pop("samples_ns", [[1_000_000, 3_000_000], [2_000_000]])
    return _KINDS[kind](**{**identity, **timing_of(samples_ns, 8), "steady": True, **changes})


def server(peak: float = 25.0, **changes: Any) -> ServerResult:
    """A rate below the peak, and two schedules at it."""
    points = [RatePoint(rate, 700, True, 40.0, 4 * rate, 10.0, 0.0, 32.0, 1.0, 0.1) for rate in (12.0, 24.0)]
    about = {"rate": 0.9 * peak, "searched": True, "peak": Interval(peak, 0.99 * peak, 1.01 * peak), "points": points}
    about |= {"share_of_capacity": Interval(0.02 * peak, 0.0199 * peak, 0.0201 * peak)}
    about |= {"bound_ms": 100.0, "percentile": 99.0, "batch_timeout_ms": 0.0}
    about |= {"latencies_ns": [[40_000_000, 90_000_000]] * 2}
    return ServerResult(**{**Case("server", "int8", 1, 1, 2).fields, **about, **changes})


def loadgen(ratio: float = 1.0, **changes: Any) -> LoadgenResult:
    """LoadGen's figures `ratio` times ours; each is known to 2 %."""
    figures = [Interval(value, 0.98 * value, 1.02 * value) for value in (40.0, 40.0 * ratio, ratio)]
    rows = [
        LoadgenRow("SingleStream", "p90", "ms", 700, figures[0], figures[1], figures[2]),
        LoadgenRow("MultiStream", "p90", "ms", 700, figures[0], figures[1], figures[2]),
        LoadgenRow("Server", "p99", "ms", 700, figures[0], figures[1], figures[2]),
        LoadgenRow("Offline", "rate", "images/s", 700, figures[0], figures[1], figures[2]),
    ]
    about = {"rate": 20.0, "bound_ms": 100.0, "percentile": 99.0, "batch_timeout_ms": 0.0, "rows": rows}
    about |= {"loadgen_version": "6.0.17"}
    return LoadgenResult(**{**Case("loadgen", "int8", 1, 1, 2).fields, **about, **changes})


def accuracy(precision: str = "int8", ap: float = 0.4, **changes: Any) -> AccuracyResult:
    """The same value for every number of COCO's."""
    about: dict[str, Any] = {"images": 5, "data": Data("records", "demo"), "protocol": "all images", "rounding": "fine"}
    identity = Case("accuracy", precision, 8, 1, 2).fields
    return AccuracyResult(**{**identity, "accuracy": dict.fromkeys(NAMES, ap), **about, **changes})
