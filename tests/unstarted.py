"""Fixtures for pools of workers none of which runs: the allocators that are found, and the settings they start with."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ssd_core.machine import allocator
from ssd_core.worker import pool
from ssd_core.worker.client import WorkerDied, WorkerSettings


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The allocators that are found, which a test may change."""
    paths = {"tcmalloc": Path("/lib/libtcmalloc.so.4"), "jemalloc": Path("/lib/libjemalloc.so.2")}
    monkeypatch.setattr(allocator, "find", lambda name, *_: paths.get(name))
    return paths


class Unstarted:
    """A worker that says it runs on the allocator that was asked for, until it is closed or made to die."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.closed = self.died = False
        self._status = SimpleNamespace(allocator=settings.allocator)

    def status(self) -> SimpleNamespace:
        if self.died or self.closed:
            raise WorkerDied("The worker died.")
        return self._status

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def started(libraries: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> list[WorkerSettings]:
    """The settings of the workers that were started."""
    settings: list[WorkerSettings] = []

    class Started(Unstarted):
        def __init__(self, wanted: WorkerSettings) -> None:
            super().__init__(wanted)
            settings.append(wanted)

    monkeypatch.setattr(pool, "Worker", Started)
    return settings
