"""Case: what is measured, with the counts that it runs with."""

from dataclasses import dataclass, replace
from typing import Any

NO_PRECISION = "data"  # the precision of a case without a network
COUNTS = ("batch_size", "num_inter_threads", "num_intra_threads", "streams")
AGAINST = ("against", "server_against")  # the kinds that are measured in turn with their variant
PARAMETERS = ("kind", "precision", *COUNTS, "tuned", "variant")


@dataclass(frozen=True)
class Case:
    """One measurement. A count is 0 if the case has none: a tuned case before its search, or the AP of a file."""

    kind: str
    precision: str
    batch_size: int = 0
    num_inter_threads: int = 0
    num_intra_threads: int = 0
    streams: int = 1
    """Concurrent sessions, each with these threads; a step is one batch of each."""
    tuned: bool = False
    """Whether a search found its counts; they are then not part of its key."""
    variant: str | None = None
    """The variant that an A/B case ran against."""

    @property
    def id(self) -> str:
        """As in `int8-batch8-intra2`; inter-operation threads and streams are named if there are several."""
        if self.tuned:
            return f"{self.precision}-tuned"
        batch = f"batch{self.batch_size}" if self.batch_size else ""
        streams = f"streams{self.streams}" if self.streams > 1 else ""
        return "-".join(filter(None, (self.precision, batch, self.threads, streams)))

    @property
    def threads(self) -> str:
        """As in `intra2`, or `inter2-intra2`."""
        inter = f"inter{self.num_inter_threads}" if self.num_inter_threads > 1 else ""
        intra = f"intra{self.num_intra_threads}" if self.num_intra_threads else ""
        return "-".join(filter(None, (inter, intra)))

    def __str__(self) -> str:
        """As in `throughput int8-batch8-intra2`."""
        against = f" against {self.variant}" if self.variant else ""
        return f"{self.kind} {self.id}{against}"

    @property
    def images_a_step(self) -> int:
        """How many images a step takes through the network."""
        return self.batch_size * self.streams

    @property
    def key(self) -> "Case":
        """The parameters that identify the case: two results belong to one case if their keys are equal.

        AP depends on no count, and a tuned case is the same with any counts that its search chose.
        """
        if self.kind == "accuracy" or self.tuned:
            return replace(self, batch_size=0, num_inter_threads=0, num_intra_threads=0, streams=0)
        return self

    @property
    def counts(self) -> dict[str, int]:
        """Its counts by name."""
        return {name: getattr(self, name) for name in COUNTS}

    @property
    def fields(self) -> dict[str, Any]:
        """Its parameters, as fields of a Result."""
        return {"precision": self.precision, **self.counts, "tuned": self.tuned}

    @property
    def parameters(self) -> dict[str, str | int | None]:
        """The parameters by name, as thresholds match them; None for a parameter that it does not have."""
        values = {name: getattr(self, name) for name in PARAMETERS}
        chosen = dict.fromkeys(COUNTS) if self.tuned else {name: count or None for name, count in self.counts.items()}
        return values | chosen
