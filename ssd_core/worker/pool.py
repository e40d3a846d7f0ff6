"""The workers of a run: started when a case needs one, shared by the cases that can share it."""

from typing import Protocol

from ssd_core.backends.registry import OURS
from ssd_core.machine.allocator import AllocatorName, choose, name_of
from ssd_core.worker.client import Worker, WorkerDied, WorkerSettings


class Change(Protocol):
    """A change from one worker's settings to those of another."""

    def of_settings(self, settings: WorkerSettings) -> WorkerSettings:
        """The settings of the other worker."""


class Pool:
    """Workers by precision and settings. One that died is replaced when it is next asked for.

    Precisions do not share one, even where their settings are equal: memory that one left in the allocator would count
    for the other.
    """

    def __init__(self, allocator: AllocatorName | None, socket_id: int | None, num_cores: int | None) -> None:
        self.contradictions: dict[str, None] = {}
        """Lines on workers that run on another allocator than they were started with."""
        self._allocator = allocator
        self._binding = socket_id, num_cores
        self._running: dict[tuple[str, str, bool, WorkerSettings], Worker] = {}

    def of(
        self, precision: str, onednn_verbose: bool = False, variant: Change | None = None, runtime: str = OURS
    ) -> Worker:
        """A living worker for a precision, on the allocator and the CPUs that the user chose; or a variant of it.

        Each runtime has workers of its own. The peers' workers run with malloc: OpenVINO aborts with another allocator,
        and ONNX Runtime gains nothing from one.
        """
        allocator, _ = choose(self._allocator if runtime == OURS else "malloc", precision)
        settings = WorkerSettings(
            allocator=name_of(allocator.path or ""),
            allocator_path=allocator.path,
            socket_id=self._binding[0],
            num_cores=self._binding[1],
            onednn_verbose=onednn_verbose,
        )
        if variant is not None:
            settings = variant.of_settings(settings)
        # A variant has a process of its own even where its settings are equal.
        key = (precision, runtime, variant is not None, settings)
        worker = self._running.get(key)
        if worker is not None and not _alive(worker):
            worker.close()
            worker = None
        return worker or self._start(key)

    def restart(self, worker: Worker) -> Worker:
        """A new process that replaces a worker, with the same settings."""
        key = next(key for key, running in self._running.items() if running is worker)
        worker.close()
        return self._start(key)

    def _start(self, key: tuple[str, str, bool, WorkerSettings]) -> Worker:
        precision, _, _, settings = key
        worker = self._running[key] = Worker(settings)
        status = worker.status()
        if status.allocator != settings.allocator:
            self.contradictions[
                f"{precision} was to run on {settings.allocator} but ran on {status.allocator}"
                f" ({status.allocator_path}). Its numbers are for the latter: see LD_PRELOAD and /etc/ld.so.preload."
            ] = None
        return worker

    def close(self) -> None:
        """End all workers."""
        while self._running:
            self._running.popitem()[1].close()


def _alive(worker: Worker) -> bool:
    try:
        worker.status()
    except WorkerDied:
        return False
    return True
