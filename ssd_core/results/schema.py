"""Results: one type per kind of case. A result is the flat content of `extra_info` in pytest-benchmark's JSON.

`python -m ssd_core.results.schema` prints its JSON Schema, which is published as docs/results-schema.json.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, field

from ssd_core.profiling.kernels import KernelShares
from ssd_core.profiling.layers import Roofline, Row
from ssd_core.results.case import Case
from ssd_core.results.parts import (
    Candidate,
    Count,
    Interval,
    LoadgenRow,
    Marks,
    Neighbours,
    PeerSpeeds,
    Positive,
    Processes,
    RatePoint,
    Replacement,
    Supply,
    VariantOutcome,
    Yardstick,
    finite,
)
from ssd_core.results.result import Result as Result
from ssd_core.stats.figures import images_per_second, latency_ms
from ssd_core.stats.observed import Observed
from ssd_core.stats.samples import Samples

SCHEMA_VERSION = 2
QUICK = "quick: not a baseline"
"""How a run with --quick is marked."""
SPEEDUP, YARDSTICK_SHARE = "speedup", "yardstick_share"  # figures that are measured in turn for a limit
NO_TRUTH = -1  # pycocotools' AP if the images hold no object


class TimedResult(Result, frozen=True, kw_only=True):
    """A series of steps. `timing_of` computes the figures that scripts read from the samples."""

    samples_ns: Processes
    """Durations of the steps, one list per process."""
    images_per_second: Positive
    latency_ms: dict[str, float]
    """`count`, `mean`, and each of p50, p90, p95 and p99 that has enough samples."""
    steps: Count
    warmup_steps: Count | None = None
    steady: bool | None = None
    stopped: str | None = None
    yardstick: Yardstick | None = None
    yardstick_share: Positive | None = None
    neighbours: list[Neighbours] = field(default_factory=list)
    """One per process; none in files of older versions."""
    onednn_kernels: KernelShares | None = None
    peak_memory_bytes: Count | None = None
    supply: Supply | None = None
    tuning: list[Candidate] = field(default_factory=list)
    """The candidates of the search for a tuned case, in order."""
    in_turn: dict[str, Interval] = field(default_factory=dict)
    """SPEEDUP and YARDSTICK_SHARE, if they were measured in turn for a limit."""

    def __post_init__(self) -> None:
        """Refuse a share that is not finite."""
        finite("yardstick_share", self.yardstick_share)

    @property
    def samples(self) -> Samples:
        """The durations of its steps."""
        return Samples.of(*self.samples_ns)

    @property
    def observed(self) -> list[Observed]:
        """Each process's series and what the machine did meanwhile; none if that is not known of every step."""
        arrays = self.comparable_samples.arrays
        if len(arrays) != len(self.neighbours):
            return []
        within = [] if self.yardstick is None else self.yardstick.within
        marks = within if len(within) == len(arrays) else [Marks([], [])] * len(arrays)
        series = [
            Observed(ns, beside.ends, beside.shares, own.places, own.durations_ns, own.lead_in)
            for ns, beside, own in zip(arrays, self.neighbours, marks, strict=True)
        ]
        return series if all(one.whole for one in series) else []

    @property
    def comparable_samples(self) -> Samples:
        """Durations that can be compared: per image for a tuned case, because its search may choose another batch."""
        images = self.case.images_a_step
        if not self.tuned or images <= 1:
            return self.samples
        return Samples.of(*(series / images for series in self.samples.arrays))

    @property
    def chosen(self) -> dict[str, int]:
        """The best counts of a tuned case's search; empty if the case is not tuned."""
        return self.case.counts if self.tuned else {}


class ThroughputResult(TimedResult, frozen=True, kw_only=True, tag="throughput"):
    """Whole batches, one after the other."""


class LatencyResult(TimedResult, frozen=True, kw_only=True, tag="latency"):
    """One image at a time."""


class InputPipelineResult(TimedResult, frozen=True, kw_only=True, tag="input_pipeline"):
    """The input pipeline alone, without a network."""


class AgainstResult(TimedResult, frozen=True, kw_only=True, tag="against"):
    """A case measured in turn with its variant; the samples are the case's."""

    against: VariantOutcome

    @property
    def case(self) -> Case:
        """The case and its variant."""
        return replace(super().case, variant=self.against.variant)


class ServerAgainstResult(AgainstResult, frozen=True, kw_only=True, tag="server_against"):
    """A server case and its variant in turn; a sample is a block's time a request at the highest rate."""


class ServerResult(Result, frozen=True, kw_only=True, tag="server"):
    """Requests that arrive at random: the rate at which the tail keeps its bound, or the tail at a given rate."""

    rate: Positive
    """Requests a second. Three schedules were served at it, of as many requests each."""
    searched: bool
    """Whether it is the highest rate that was found to keep the bound; else the user gave it."""
    peak: Interval | None = None
    """The median, with its interval, of the highest rates of many schedules, simulated from the measured times."""
    share_of_capacity: Interval | None = None
    """The peak over the rate of full batches, for a bound of three times the median latency of a mostly idle service.
    It does not depend on how fast the machine is."""
    bound_ms: Positive
    percentile: Positive
    batch_timeout_ms: float
    latencies_ns: Processes
    """From each request's scheduled arrival to its answer, one list per schedule."""
    points: list[RatePoint]
    """By rate: what was measured at it."""
    duration_s: float | None = None


class LoadgenResult(Result, frozen=True, kw_only=True, tag="loadgen"):
    """LoadGen's scenarios of the same worker beside our own figures. It is not an MLPerf result."""

    compared: ClassVar[bool] = False

    rate: Positive
    """Of Server, requests a second."""
    bound_ms: Positive
    percentile: Positive
    batch_timeout_ms: float
    rows: list[LoadgenRow]
    loadgen_version: str
    duration_s: float | None = None


class AccuracyResult(Result, frozen=True, kw_only=True, tag="accuracy"):
    """COCO's numbers by name, 0..1, or -1 if the ground truth has no such object (as in pycocotools)."""

    accuracy: dict[str, float]
    accuracy_lines: list[str] = field(default_factory=list)
    """As pycocotools prints them."""
    images: Count | None = None
    images_in_file: Count | None = None
    duration_s: float | None = None
    protocol: str | None = None
    rounding: str | None = None
    detections_file: str | None = None
    """The name of the file of its detections, beside the run's own."""
    postprocess: Replacement | None = None
    """Set if the graph's post-processing was replaced."""

    def __post_init__(self) -> None:
        """Refuse an impossible AP."""
        if "AP" not in self.accuracy:
            raise ValueError("accuracy has no AP")
        for name, value in self.accuracy.items():
            if not (0 <= value <= 1 or value == NO_TRUTH):
                raise ValueError(f"accuracy has an {name} of {value}, which is not between 0 and 1")

    @property
    def ap(self) -> float:
        """COCO's AP."""
        return self.accuracy["AP"]

    @property
    def unusable(self) -> str | None:
        """An AP of -1 cannot be compared: the images hold no object."""
        return f"AP is {NO_TRUTH}, for the images hold no object of the ground truth" if self.ap == NO_TRUTH else None


class PartResult(Result, frozen=True, kw_only=True, tag="accuracy_part"):
    """One shard's part of an accuracy case. It has no AP: the parts of all shards give it together."""

    compared: ClassVar[bool] = False

    number: Count
    """Of the shard, from 1."""
    of: Count
    images: Count
    rounding: str
    part: str
    """The name of the part's folder, beside the run's other files."""
    duration_s: float


class ProfileResult(Result, frozen=True, kw_only=True, tag="profile"):
    """Where the time of a step goes."""

    compared: ClassVar[bool] = False

    layers: list[Row]
    steps: Count
    untraced_step_ms: float
    roofline: Roofline
    unmatched_layers: list[str]
    """Layers for which oneDNN's lines do not say with certainty which kernel ran."""
    duration_s: float | None = None


class PeersResult(Result, frozen=True, kw_only=True, tag="peers"):
    """Our network and the same network in other runtimes, measured in turn."""

    compared: ClassVar[bool] = False

    peers: PeerSpeeds
    peers_versions: dict[str, str] = field(default_factory=dict)
    duration_s: float | None = None


class PeersAccuracyResult(Result, frozen=True, kw_only=True, tag="peers_accuracy"):
    """COCO's numbers by runtime, with the share of our fp32's AP and the agreement with our fp32."""

    compared: ClassVar[bool] = False

    peers_accuracy: dict[str, dict[str, float | None]]
    peers_versions: dict[str, str] = field(default_factory=dict)
    duration_s: float | None = None


AnyResult = Annotated[
    ThroughputResult
    | LatencyResult
    | InputPipelineResult
    | ServerResult
    | LoadgenResult
    | AgainstResult
    | ServerAgainstResult
    | AccuracyResult
    | PartResult
    | ProfileResult
    | PeersResult
    | PeersAccuracyResult,
    Meta(title="extra_info of a benchmark", description="What `pytest bench` saves for a case."),
]


def timing_of(samples_ns: Sequence[Sequence[int]], images_a_step: int) -> dict[str, Any]:
    """The samples and the figures that scripts read, as fields of a TimedResult."""
    samples = Samples.of(*samples_ns)
    return {
        "samples_ns": [list(process) for process in samples.processes],
        "images_per_second": images_per_second(samples, images_a_step),
        "latency_ms": latency_ms(samples),
        "steps": samples.count,
    }


def as_info(result: Result) -> dict[str, Any]:
    """The result as `extra_info` holds it."""
    return {"schema_version": SCHEMA_VERSION, **msgspec.to_builtins(result)}


def of_info(info: Mapping[str, Any]) -> Result:
    """The result in an `extra_info` of this schema; msgspec.ValidationError if it is invalid."""
    result: Result = msgspec.convert(info, AnyResult)
    return result


def json_schema() -> str:
    """The JSON Schema of `extra_info`, as docs/results-schema.json holds it."""
    return json.dumps(msgspec.json.schema(AnyResult), indent=2) + "\n"


if __name__ == "__main__":
    print(json_schema(), end="")
