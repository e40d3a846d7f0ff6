"""Case: one measurement, with the counts that it runs with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ssd_core.results.schema import Case as Key

NO_PRECISION = "data"  # stands in the id of a case in which no network runs


@dataclass(frozen=True)
class Case:
    """One measurement; two results are of the same case when these are equal."""

    kind: str
    precision: str
    batch_size: int
    num_inter_threads: int
    num_intra_threads: int
    batch_chosen: bool = False
    """Whether the user asked for this batch size, so that a graph which cannot take it is the user's mistake."""
    streams: int = 1
    """Sessions side by side, each with these threads; a step is a batch of each."""
    tuned: bool = False
    """Whether its counts are the best that a search found, and not part of what the case is; 0 until it has."""

    @property
    def id(self) -> str:
        """As in `int8-batch8-intra2`; inter-operation threads and streams are named where there are several."""
        if self.tuned:
            return f"{self.precision}-tuned"
        if not self.batch_size:  # an accuracy case of a file: it is known by its precision
            return self.precision
        streams = f"-streams{self.streams}" if self.streams > 1 else ""
        return f"{self.precision}-batch{self.batch_size}-{self.threads}{streams}"

    @property
    def threads(self) -> str:
        """As in `intra2`, or `inter2-intra2`."""
        inter = f"inter{self.num_inter_threads}-" if self.num_inter_threads > 1 else ""
        return f"{inter}intra{self.num_intra_threads}"

    @property
    def images_a_step(self) -> int:
        """How many images a step takes through the network."""
        return self.batch_size * self.streams

    @property
    def key(self) -> tuple[str | int | None, ...]:
        """The values of the parameters that its result depends on, to find the case by: AP on none of the counts."""
        if self.kind == "accuracy":
            return self.kind, self.precision
        return tuple(self.parameters.values())

    @property
    def parameters(self) -> dict[str, str | int | None]:
        """What identifies the case in a result file."""
        counts = dict.fromkeys(self.counts) if self.tuned else self.counts
        return {"kind": self.kind, "precision": self.precision, **counts, "tuned": self.tuned}

    @property
    def counts(self) -> dict[str, int]:
        """The numbers that it runs with."""
        return {
            "batch_size": self.batch_size,
            "num_inter_threads": self.num_inter_threads,
            "num_intra_threads": self.num_intra_threads,
            "streams": self.streams,
        }


def as_case(key: Key) -> Case:
    """A case of a file as one of ours, with 0 for what the file does not say."""
    batch, inter, intra = (count or 0 for count in (key.batch_size, key.num_inter_threads, key.num_intra_threads))
    precision = key.precision or NO_PRECISION
    return Case(key.kind, precision, batch, inter, intra, streams=key.streams or 0, tuned=key.tuned)


def case_of_info(kind: str, info: Mapping[str, Any]) -> Case:
    """The case of a saved result's `extra_info`, with 0 for a count that it does not say."""
    inter, intra = (info.get(name) or 0 for name in ("num_inter_threads", "num_intra_threads"))
    precision = info.get("precision") or NO_PRECISION
    tuned = bool(info.get("tuned"))
    return Case(
        kind, precision, info.get("batch_size") or 0, inter, intra, streams=info.get("streams") or 1, tuned=tuned
    )
