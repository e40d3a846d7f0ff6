"""On a node of a fleet: `python -m ssd_core.scale.measuring FILE [--list] -- PYTEST-ARGUMENTS` measures one case there.

It runs pytest as a process of its own, and writes to FILE what came of it as JSON, with the share of the CPUs' time
that Ray's own processes took meanwhile.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ssd_core.files import replacing
from ssd_core.machine.cpu_time import time_of_processes
from ssd_core.scale.node import tied

_ITEM = re.compile(r"^\S+\.py::\S.*$", re.MULTILINE)
_RAY = re.compile(r"(/ray/(core/src/ray/|_private/|dashboard/|autoscaler/))|^ray::")


class MeasuredCase(msgspec.Struct, frozen=True):
    """One case: how pytest ended, the file of results that it saved, and when; times are seconds since 1970."""

    status: int
    output: str
    began: float
    ended: float
    ray_share: float
    """Of all CPUs' time, that Ray's processes on the machine took."""
    document: dict[str, Any] | None = None


def measure(arguments: Sequence[str]) -> MeasuredCase:
    """Run one case, and take its file of results."""
    with tempfile.TemporaryDirectory() as folder:
        own = ["--output-dir", folder, "--benchmark-json", f"{folder}/results.json", "-p", "no:cacheprovider"]
        before, began = _of_ray(), time.time()
        ended = _pytest([*arguments, *own])
        after, stopped = _of_ray(), time.time()
        taken_ns = sum(ns - before.get(process, 0) for process, ns in after.items())
        available_ns = (stopped - began) * 1e9 * (os.cpu_count() or 1)
        saved = Path(folder) / "results.json"
        document = msgspec.json.decode(saved.read_bytes()) if saved.is_file() else None
        return MeasuredCase(ended.returncode, ended.stdout, began, stopped, taken_ns / available_ns, document)


def cases(arguments: Sequence[str]) -> list[str]:
    """The cases that these arguments select on this machine, by their names in pytest; none where they are wrong."""
    return _ITEM.findall(_pytest(["--collect-only", "-q", *arguments]).stdout)


def _pytest(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    command = tied(["-m", "pytest", *arguments])
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def _of_ray() -> dict[int, int]:
    return time_of_processes(lambda command: _RAY.search(command) is not None)


def main(arguments: Sequence[str]) -> int:
    """Write the answer to the file."""
    file, *rest = arguments
    listing = rest[0] == "--list"
    given = rest[rest.index("--") + 1 :]
    answer = cases(given) if listing else measure(given)
    with replacing(Path(file)) as temporary:
        temporary.write_bytes(msgspec.json.encode(answer))
    if listing and not answer:
        print(_pytest(["--collect-only", "-q", *given]).stdout)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
