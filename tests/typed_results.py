"""Typed results for tests: whole ones, of which a test changes what it is about."""

from typing import Any

from ssd_core.results.case import Case
from ssd_core.results.parts import Data
from ssd_core.results.schema import (
    AccuracyResult,
    InputPipelineResult,
    LatencyResult,
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


def accuracy(precision: str = "int8", ap: float = 0.4, **changes: Any) -> AccuracyResult:
    """The same value for every number of COCO's."""
    about: dict[str, Any] = {"images": 5, "data": Data("records", "demo"), "protocol": "all images", "rounding": "fine"}
    identity = Case("accuracy", precision, 8, 1, 2).fields
    return AccuracyResult(**{**identity, "accuracy": dict.fromkeys(NAMES, ap), **about, **changes})
