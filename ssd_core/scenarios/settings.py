"""Settings: the user's choices for measuring the cases of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ssd_core.coco.portion import Portion
from ssd_core.machine.allocator import AllocatorName
from ssd_core.precisions import DEFAULT
from ssd_core.results.case import Case
from ssd_core.scenarios.budget import FULL, Budget


@dataclass(frozen=True)
class ServerAsked:
    """What is asked of the server scenario; None means that the user left it open."""

    rate: float | None = None
    """Requests a second."""
    bound_ms: float | None = None
    percentile: float | None = None
    batch_timeout_ms: float = 0.0
    seconds: float = 140.0
    """The time of a search."""


@dataclass(frozen=True)
class UntilClear:
    """What is slower, and how long an A/B case may be measured until it is clear whether it is."""

    limit: float
    """0.03: a time that is 3 % longer."""
    seconds: float = 600.0
    """The most; on a noisy machine of two cores most answers were clear after one to five minutes."""


@dataclass(frozen=True)
class Settings:
    """The user's choices; None means that the user made none."""

    precisions: tuple[str, ...] = DEFAULT
    batch_sizes: tuple[int, ...] = (1, 8)
    inter_threads: tuple[int, ...] = (1,)
    intra_threads: tuple[int, ...] = (1,)
    streams: tuple[int, ...] = (1,)
    tune: bool = False
    cpus: int = 1
    """The CPUs of a worker; the default threads and streams follow from them."""
    data_inter_threads: int = 0
    data_intra_threads: int = 0
    warmup_steps: int | None = None
    steps: int | None = None
    processes: int = 1
    budget: Budget = FULL
    """What is spent where no counts are given."""
    graphs: Mapping[str, Path] = field(default_factory=dict)
    """The user's graph of each precision that has one."""
    fixed_batches: Mapping[str, int] = field(default_factory=dict)
    """The batch size of a precision's graph, if the graph takes only that one."""
    trust_graph: bool = False
    fast_postprocess: bool = False
    upstream_rounding: bool = False
    portion: Portion | None = None
    """The shard of the images that accuracy cases take; None: all of them."""
    data_location: Path | None = None
    annotations_file: Path | None = None
    against: tuple[str, ...] = ()
    """The changes of the variant that cases run against."""
    until_clear: UntilClear | None = None
    """Set if each is measured until it is clear whether it is slower, for git bisect."""
    server: ServerAsked = ServerAsked()
    allocator: AllocatorName | None = None
    socket_id: int | None = None
    num_cores: int | None = None
    given: frozenset[str] = frozenset()
    """The case's parameters that the user chose, by name: cases with other values are left out on purpose."""

    def batch_sizes_of(self, precision: str) -> tuple[int, ...]:
        """The batch sizes of a precision: those given, else its graph's own, else the default."""
        fixed = self.fixed_batches.get(precision)
        return self.batch_sizes if fixed is None else (fixed,)

    def batch_of(self, precision: str, otherwise: int) -> int:
        """One batch size of a precision: its graph's own, or `otherwise`."""
        return self.fixed_batches.get(precision, otherwise)

    def intra_threads_of(self, streams: int) -> tuple[int, ...]:
        """The threads within an operation, for each of `streams` streams: those given, or its share of the CPUs."""
        return self.intra_threads if "num_intra_threads" in self.given else (max(1, self.cpus // streams),)

    def excludes(self, gone: Case, alike: "list[Case]") -> bool:
        """Whether an option excludes a case. `alike` are the cases of its kind."""
        if not alike or (gone.tuned and not self.tune):
            return True
        mine = gone.parameters
        return any(all(case.parameters[name] != mine[name] for case in alike) for name in self.given if name in mine)
