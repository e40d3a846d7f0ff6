"""The parts of a result: a case's conditions, and its figures besides the samples. Units are in the names."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ssd_core.network.layers import multiply_adds
from ssd_core.profiling.drift import drift
from ssd_core.profiling.yardstick_shape import MULTIPLY_ADDS

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Series = Annotated[list[Annotated[int, Meta(gt=0, le=2**63 - 1)]], Meta(min_length=1)]
"""Nanoseconds of one process's steps, in order."""
Question = Literal["latency", "throughput"]
Processes = Annotated[list[Series], Meta(min_length=1)]


class Part(Struct, frozen=True, omit_defaults=True):
    """A part of a result."""


class Data(Part, frozen=True):
    """The network's input: dummy tensors, or records with their number and a digest of their names and sizes."""

    kind: str
    origin: str = ""
    images: int | None = None
    digest: str | None = None


class Binding(Part, frozen=True):
    """The CPUs that a worker may use, and its memory policy with the policy's nodes."""

    cpus: list[int]
    policy: str = ""
    nodes: list[int] = []


class Threads(Part, frozen=True):
    """The threads that each stream's session started."""

    inter: int
    intra: int


class Interval(Part, frozen=True):
    """A value and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse an impossible interval of a positive figure."""
        if not (0 < self.low <= self.value <= self.high < math.inf):
            raise ValueError(f"{self.value} in [{self.low}, {self.high}] is impossible")


class Marks(Part, frozen=True):
    """Runs of the yardstick between the measured steps of one process, in order."""

    places: list[Count]
    """How many measured steps came before each."""
    durations_ns: list[Annotated[int, Meta(gt=0)]]
    lead_in: Count = 0
    """Runs at each place that were left out, because a short run takes longer just after the network's steps."""

    def __post_init__(self) -> None:
        """Refuse places that are not those of the durations."""
        if len(self.places) != len(self.durations_ns) or sorted(self.places) != self.places:
            raise ValueError(f"{len(self.places)} places of {len(self.durations_ns)} durations are impossible")


class Neighbours(Part, frozen=True):
    """What other programs took of the worker's CPUs while one process measured, chunk by chunk of its steps."""

    ends: list[Count]
    """How many measured steps had been taken at the end of each chunk."""
    shares: list[Annotated[float, Meta(ge=0, le=1)]]
    """Of the CPUs' time; other guests of the host count, too."""

    def __post_init__(self) -> None:
        """Refuse chunks that do not follow one another."""
        if len(self.ends) != len(self.shares) or sorted(self.ends) != self.ends:
            raise ValueError(f"{len(self.ends)} ends of {len(self.shares)} chunks are impossible")


class Yardstick(Part, frozen=True):
    """Durations of the yardstick's convolution in the case's worker: just before and just after the case, and in it."""

    before_ns: Series
    after_ns: Series
    within: list[Marks] = []
    """Between the steps of each process; none in files of older versions."""
    median_ms: float = 0.0
    multiply_adds_per_second: float = 0.0
    drift: float = 1.0
    """How much slower (above 1) or faster the machine was after the case than before."""

    @classmethod
    def of(cls, before_ns: list[int], after_ns: list[int], within: Sequence[Marks] = ()) -> "Yardstick":
        """The figures of the series before and after."""
        middle_ns = median((*before_ns, *after_ns))
        rate = MULTIPLY_ADDS / (middle_ns * 1e-9)
        return cls(before_ns, after_ns, list(within), middle_ns * 1e-6, rate, drift(before_ns, after_ns))

    def joined(self, other: "Yardstick") -> "Yardstick":
        """The yardstick around a case that two processes measured."""
        around = [*self.before_ns, *other.before_ns], [*self.after_ns, *other.after_ns]
        return Yardstick.of(*around, [*self.within, *other.within])

    def share(self, run_ns: "list[int] | tuple[int, ...]", images: int) -> float:
        """The network's multiplications a second as a share of the yardstick's; each run takes `images` images."""
        network = multiply_adds() * images / median(run_ns)
        return network / (MULTIPLY_ADDS / median((*self.before_ns, *self.after_ns)))


class Supply(Part, frozen=True):
    """Images a second of the input pipeline alone and of the network on dummy tensors, and the share of both."""

    input_images_per_second: Positive
    network_images_per_second: Positive
    share_of_network: Positive
    input_bound: bool
    """Whether the pipeline is slower than the network, and so limits it."""

    @classmethod
    def of(cls, input_rate: float, network_rate: float, together: float) -> "Supply":
        """The supply from the three rates, in images a second."""
        return cls(input_rate, network_rate, together / network_rate, input_rate < network_rate)


class RatePoint(Part, frozen=True):
    """Requests served at one rate: the tail of their latency, and where their time went."""

    rate: Positive
    """Requests a second."""
    requests: Count
    keeps: bool
    """Whether the percentile of the latency kept the bound, and the queue did not grow."""
    p50_ms: Positive
    tail_ms: Positive
    """The percentile of the bound."""
    queueing_ms: float
    """Mean wait for a free stream."""
    batching_ms: float
    """Mean wait for further requests of the batch."""
    inference_ms: float
    batch: float
    """Mean number of requests in a batch."""
    late_ms: float
    """p99 of how late a free stream took a request."""


class LoadgenRow(Part, frozen=True):
    """One of LoadGen's scenarios, run by LoadGen and by us in turn."""

    scenario: Literal["SingleStream", "MultiStream", "Server", "Offline"]
    figure: str
    """As `p90`, or `rate`."""
    unit: Literal["ms", "images/s"]
    queries: Count
    """Of each run."""
    ours: Interval
    loadgen: Interval
    ratio: Interval
    """LoadGen's figure divided by ours."""
    invalid: list[str] = []
    """What LoadGen says was not met; empty if all its runs are valid."""
    logs: list[str] = []
    """The folders of its `mlperf_log_*` files."""

    @property
    def agrees(self) -> bool:
        """Whether the two figures are equal within their intervals."""
        return self.ratio.low <= 1 <= self.ratio.high


class Candidate(Part, frozen=True):
    """Counts that the search for a tuned case tried, and the images a second with them."""

    streams: Count
    num_inter_threads: Count
    num_intra_threads: Count
    batch_size: Count
    images_per_second: Positive


class VariantOutcome(Part, frozen=True):
    """The comparison of a case with its variant; a ratio above 1 means that the case is slower."""

    variant: str
    ratio: Positive | None
    low: Positive | None
    high: Positive | None
    p_value: float | None
    verdict: str
    reason: str
    rounds: int
    samples_ns: list[list[float]]
    """The variant's blocks, in the order they were measured."""
    depends_on: dict[str, Any]


class Replacement(Part, frozen=True):
    """The effect of replacing a graph's own post-processing: the share of equal detections, and both APs."""

    agreement: float
    ap_before: float
    ap_after: float


class PeerSetting(Part, frozen=True):
    """How a runtime was opened."""

    batch_size: Count
    streams: Count
    """0: the runtime chooses the number."""
    requests_a_stream: int = 1
    streams_opened: int = 1


class PeerFigures(Part, frozen=True):
    """The measurements of one runtime."""

    ns_an_image: Positive
    setting: PeerSetting
    tried_images_per_second: dict[str, float]
    graph_sha256: str
    graph_ops: dict[str, int]
    samples_ns: list[list[float]]
    """Nanoseconds per image, by turn."""


class Ratio(Part, frozen=True):
    """A peer's time divided by ours, with its 95 % interval. Above 1, ours is faster."""

    ratio: Positive
    low: Positive | None = None
    high: Positive | None = None


class PeerSpeeds(Part, frozen=True):
    """The measurements of each runtime, by name."""

    question: Question
    scope: Literal["network", "detections"]
    sides: dict[str, PeerFigures]
    ratios: dict[str, Ratio]


def finite(name: str, value: float | None) -> None:
    """ValueError for a value that is not finite."""
    if value is not None and not math.isfinite(value):
        raise ValueError(f"{name} is {value}, which is impossible")
