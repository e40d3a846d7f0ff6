"""The scenario interface: a scenario gets a case and a context, and measures one typed result.

Nothing here depends on pytest: scenarios run with any workers, graphs and progress bars. `registry.py` lists them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ssd_core.coco.matches import Matches
from ssd_core.images.dataset import Records
from ssd_core.results.case import Case
from ssd_core.results.schema import Result
from ssd_core.scenarios.settings import Settings
from ssd_core.worker.pool import Pool


@dataclass(frozen=True)
class Graph:
    """A graph file, and its name in results: `demo`, or the path that the user gave."""

    path: Path
    origin: str


class Graphs(Protocol):
    """The graph of each precision."""

    def of(self, precision: str) -> Graph:
        """The graph of a precision; it is made if it is missing."""


class Progress(Protocol):
    """Shows the progress of long work."""

    def bar(self, **keywords: Any) -> AbstractContextManager[Any]:
        """A progress bar with tqdm's keywords and methods, removed when the block ends."""

    def uncaptured(self) -> AbstractContextManager[None]:
        """Output printed in the block, by this process or a child, reaches the terminal."""


@dataclass(frozen=True)
class Context:
    """What a scenario needs from outside."""

    settings: Settings
    workers: Pool
    graphs: Graphs
    progress: Progress
    images: Callable[[], Records]
    """Real images: the user's, or the demo's."""
    timing_records: Callable[[], Records | None]
    """The input of timed steps: the user's records, or None for dummy tensors."""
    folder: Path
    """The folder for files besides the results."""
    stamp: str
    """The end of their names."""
    matches: dict[str, Matches] = field(default_factory=dict)
    """The matches of each precision's detections so far."""
    shared: dict[object, Any] = field(default_factory=dict)
    """Values that scenarios of one run share, so that each is found once."""
    shards: Callable[[], Sequence[Path]] | None = None
    """Runs every shard of the accuracy cases on other machines, and gives the folders of their parts."""


class Scenario(ABC):
    """Measures a case. The constructor opens what it needs, and takes its own worker process."""

    def __init__(self, case: Case, context: Context) -> None:
        self.case = case
        self.context = context

    @abstractmethod
    def measure(self) -> Result:
        """Measure the case; UserError if that is impossible."""
