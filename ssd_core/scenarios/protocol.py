"""What every scenario is: it is given a case and what it needs from outside, and measures one typed result.

Nothing here knows pytest: the same scenarios run on any workers, graphs and progress bars. Which there are is in
`registry.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
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
    """A graph file, and what to call it in results: `demo`, or the path that the user gave."""

    path: Path
    origin: str


class Graphs(Protocol):
    """The graph of each precision."""

    def of(self, precision: str) -> Graph:
        """The graph of a precision, which is made or found now."""


class Progress(Protocol):
    """Shows how far long work has come."""

    def bar(self, **keywords: Any) -> AbstractContextManager[Any]:
        """A progress bar with tqdm's keywords and methods, gone when the block ends."""

    def uncaptured(self) -> AbstractContextManager[None]:
        """What is printed in the block, by this process or a child, reaches the terminal."""


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
    """What is fed while steps are timed: the user's records, or None for dummy tensors."""
    folder: Path
    """Where files beside the results go."""
    stamp: str
    """What their names end in."""
    matches: dict[str, Matches] = field(default_factory=dict)
    """What the detections of each precision matched so far."""
    shared: dict[object, Any] = field(default_factory=dict)
    """What scenarios of one run share, so that it is found once."""


class Scenario(ABC):
    """How a case is measured. To make one opens what it needs, and takes a worker of its own."""

    def __init__(self, case: Case, context: Context) -> None:
        self.case = case
        self.context = context

    @abstractmethod
    def measure(self) -> Result:
        """Measure the case; UserError where that cannot be."""
