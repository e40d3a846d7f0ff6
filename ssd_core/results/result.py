"""Result: what every kind of result has, its case and the conditions of its figures."""

from typing import ClassVar

import msgspec
from msgspec import Struct

from ssd_core.results.case import COUNTS, Case
from ssd_core.results.parts import Binding, Count, Data, Threads

CONDITIONS = (
    *("graph_contract", "graph_ops", "graph_sha256", "data", "allocator", "binding", "protocol", "rounding"),
    *("bound_ms", "percentile", "batch_timeout_ms"),
)


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """The fields of every result: its case, and the conditions of its figures. None if a file has no such field."""

    compared: ClassVar[bool] = True
    """Whether it can be compared with another run's."""

    precision: str
    batch_size: Count
    num_inter_threads: Count
    num_intra_threads: Count
    streams: Count
    tuned: bool
    graph: str | None = None
    """`demo`, or the path that the user gave."""
    graph_sha256: str | None = None
    graph_contract: str | None = None
    graph_ops: dict[str, int] | None = None
    postprocess_ms: tuple[float, float] | None = None
    """The times of an upstream graph's post-processing and of ours, if ours replaced it."""
    threads_started: Threads | None = None
    """Of each stream."""
    data: Data | None = None
    allocator: str | None = None
    binding: Binding | None = None
    versions: dict[str, str | None] = {}
    quick: bool = False
    """Whether --quick measured it: it then has too few samples for a baseline."""

    @property
    def kind(self) -> str:
        """The kind of case, which is the type's tag."""
        return str(self.__struct_config__.tag)

    @property
    def case(self) -> Case:
        """The case, with the counts that it ran with."""
        counts = {name: getattr(self, name) for name in COUNTS}
        return Case(self.kind, self.precision, **counts, tuned=self.tuned)

    @property
    def conditions(self) -> dict[str, object]:
        """The conditions that must be equal in two results to compare them, by name."""
        said: dict[str, object] = {name: getattr(self, name, None) for name in CONDITIONS}
        conditions = {name: msgspec.to_builtins(value) for name, value in said.items() if value is not None}
        if "digest" in conditions.get("data", {}):  # the place of equal data does not matter
            conditions["data"].pop("origin", None)
        return conditions | {name: value for name, value in self.versions.items() if value is not None}

    @property
    def unusable(self) -> str | None:
        """Why this result cannot be compared, if so; the other results of its file can."""
        return None
