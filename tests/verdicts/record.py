"""Records the corpus: `python -m tests.verdicts.record FILE.npz [CONDITION ...]` (see `corpus/README.md`).

Every run is a worker of its own, which is opened, warmed up and measured as `pytest bench -k latency` does. It takes
about 20 minutes, in which nothing else may run.
"""

import random
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing import Process
from pathlib import Path
from statistics import median

import numpy as np

from ssd_core.backends.protocol import of_graph
from ssd_core.demo import places
from ssd_core.machine.allocator import choose, name_of
from ssd_core.scenarios.series import Marker, Others
from ssd_core.worker.client import Worker, WorkerSettings

RUNS = 12  # of a condition
SECONDS = 12  # of steps of a run; the default run takes 10 to 32
WARMUP_STEPS, CHUNK_STEPS, YARDSTICK_STEPS = 30, 6, 10
PRECISION, INTER, INTRA = "int8", 1, 2
CONDITIONS = ("shared", "bursts", "memory")


def neighbour(condition: str) -> None:
    """Loads one core in random bursts: 0.7 s on average, and then none for 1 s on average."""
    chance = random.Random(7)
    block = np.ones(1 << 22)
    other = np.empty_like(block)
    while True:
        time.sleep(chance.expovariate(1.0))
        end = time.monotonic() + chance.expovariate(1 / 0.7)
        while time.monotonic() < end:
            if condition == "memory":
                np.copyto(other, block)
            else:
                sum(range(10_000))


def opened(settings: WorkerSettings) -> Worker:
    """A worker that is warm."""
    worker = Worker(settings)
    worker.open(of_graph(places.graph(PRECISION), INTER, INTRA))
    worker.feed_dummy(1)
    worker.run(WARMUP_STEPS)
    return worker


def run(settings: WorkerSettings) -> dict[str, Sequence[float]]:
    """Steps of one run, what others took meanwhile, and the yardstick between them."""
    worker = opened(settings)

    def yardstick(steps: int) -> list[int]:
        return worker.yardstick(PRECISION, INTER, INTRA, steps)

    marker = Marker(yardstick, median(yardstick(YARDSTICK_STEPS)))
    durations: list[float] = []
    others = Others()
    while sum(durations) < SECONDS * 1e9:
        chunk = worker.run(CHUNK_STEPS)
        durations += chunk.step_ns
        others.after(chunk)
        marker.after(chunk)
    worker.close()
    marks, neighbours = marker.marks(0, len(durations)), others.neighbours(0, len(durations))
    return {
        "durations_ns": durations,
        "ends": neighbours.ends,
        "shares": neighbours.shares,
        "mark_places": marks.places,
        "mark_ns": marks.durations_ns,
    }


def recorded(conditions: list[str]) -> Iterator[tuple[str, dict[str, Sequence[float]]]]:
    """Every run with its condition."""
    allocator, _ = choose(None, PRECISION)
    settings = WorkerSettings(allocator=name_of(allocator.name), allocator_path=allocator.path)
    for condition in conditions:
        beside = Process(target=neighbour, args=(condition,), daemon=True)
        if condition != "shared":
            beside.start()
        for number in range(RUNS):
            series = run(settings)
            print(condition, number, f"{median(series['durations_ns']) * 1e-6:.2f} ms", flush=True)
            yield condition, series
        if condition != "shared":
            beside.kill()


def main(path: str, *conditions: str) -> None:
    """Record, and write the file anew after each run."""
    runs = []
    for one in recorded(list(conditions or CONDITIONS)):
        runs.append(one)
        joined = {name: np.concatenate([series[name] for _, series in runs]) for name in runs[0][1]}
        np.savez_compressed(
            Path(path),
            condition=np.array([condition for condition, _ in runs]),
            steps=np.array([len(series["durations_ns"]) for _, series in runs]),
            chunks=np.array([len(series["ends"]) for _, series in runs]),
            marks=np.array([len(series["mark_ns"]) for _, series in runs]),
            durations_ns=joined["durations_ns"].astype(np.uint32),
            ends=joined["ends"].astype(np.uint16),
            shares=joined["shares"].astype(np.float16),
            mark_places=joined["mark_places"].astype(np.uint16),
            mark_ns=joined["mark_ns"].astype(np.uint32),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
