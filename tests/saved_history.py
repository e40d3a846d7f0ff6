"""Folders of saved runs, one after the other, as a history holds them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ssd_core.results.parts import Yardstick
from ssd_core.results.schema import Result, TimedResult, as_info
from tests.saved_runs import IDENTITY
from tests.simulated import lognormal
from tests.typed_results import timed

START = datetime(2026, 1, 1, tzinfo=UTC)


def commit(number: int) -> str:
    """The revision of a run by its number."""
    return sha1(str(number).encode(), usedforsecurity=False).hexdigest()


def latency(ms: float, seed: int = 1, yardstick_ns: int = 10**6, **changes: Any) -> TimedResult:
    """A latency case of 40 steps with 1 % noise."""
    samples = lognormal(np.random.default_rng(seed), 40, noise=0.01, centre_ns=ms * 1e6).tolist()
    about = {"batch_size": 1, "yardstick": Yardstick.of([yardstick_ns] * 3, [yardstick_ns] * 3)}
    about |= {"graph_sha256": "ab" * 32, "versions": {"tensorflow": "tensorflow-cpu 2.21.0"}}
    return timed("int8", "latency", samples_ns=[samples], **(about | changes))


def write_run(path: Path, number: int, results: Sequence[Result], **changes: Any) -> Path:
    """A file as `pytest bench` saves it, of the day and the commit of this number."""
    ended = (START + timedelta(days=number)).isoformat()
    benchmarks = []
    for result in results:
        seconds = [1.0]
        if isinstance(result, TimedResult):
            seconds = [ns * 1e-9 for series in result.samples_ns for ns in series]
        q1, q3 = np.percentile(seconds, (25, 75))
        stats = {"median": float(np.median(seconds)), "iqr": float(q3 - q1), "rounds": len(seconds), "data": seconds}
        benchmarks.append({"fullname": f"bench/test.py::{result.case}", "extra_info": as_info(result), "stats": stats})
    document = {
        "machine_info": {"identity": IDENTITY | changes.pop("identity", {})},
        "commit_info": {"id": commit(number), "time": ended, "dirty": False},
        "benchmarks": benchmarks,
        "datetime": ended,
        "partial": None,
        **changes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(document))
    return path


def write_history(folder: Path, medians: Sequence[float], *, yardsticks: Sequence[float] = ()) -> Path:
    """A run a day, whose latency has these medians; `yardsticks` are how much slower the machine is."""
    for number, ms in enumerate(medians):
        ns = round(1e6 * (yardsticks[number] if yardsticks else 1.0))
        write_run(folder / f"{number:04}.json", number, [latency(ms, number, ns)])
    return folder
