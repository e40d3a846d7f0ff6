"""CPU time as the kernel counts it: of some CPUs, and what of it other programs take while this one measures."""

import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from ssd_core.machine.cgroup import ROOT

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
# proc(5), /proc/stat: user nice system idle iowait irq softirq steal; guest times are part of user and nice.
_IDLE = slice(3, 5)
_STEAL = 7


@dataclass(frozen=True)
class CpuTime:
    """Ticks since the start of the machine, those without work, and those that a hypervisor gave to other guests."""

    total: int
    idle: int
    steal: int


def cpu_time(cpus: Collection[int] | None = None, root: Path = ROOT) -> CpuTime:
    """The time of these CPUs by now; of all CPUs where none are named."""
    wanted = {"cpu"} if cpus is None else {f"cpu{number}" for number in cpus}
    total = idle = steal = 0
    for line in (root / "proc/stat").read_text().splitlines():
        name, *words = line.split()
        if name not in wanted:
            continue
        ticks = [int(word) for word in words[:8]]
        total += sum(ticks)
        idle += sum(ticks[_IDLE])
        steal += ticks[_STEAL] if len(ticks) > _STEAL else 0
    return CpuTime(total, idle, steal)


def time_of_processes(matches: Callable[[str], bool], root: Path = ROOT) -> dict[int, int]:
    """The CPU time so far, in nanoseconds, of each process whose command line matches, by its number."""
    times: dict[int, int] = {}
    for folder in (root / "proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if matches(command):
                # proc(5): user and system ticks are fields 14 and 15; the name in parentheses may hold spaces.
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                times[int(folder.name)] = (int(fields[11]) + int(fields[12])) * _TICK_NS
        except OSError:  # it ended meanwhile
            continue
    return times


@dataclass(frozen=True)
class Reading:
    """What some CPUs had done at a time, and what of it was this process's, in nanoseconds."""

    at_ns: int
    busy_ns: int
    own_ns: int
    cpus: int

    @classmethod
    def of(cls, cpus: Collection[int], root: Path = ROOT) -> "Reading":
        """The reading now. Time that a hypervisor gave to other guests counts as busy."""
        time_now = cpu_time(cpus, root)
        busy_ns = (time_now.total - time_now.idle) * _TICK_NS
        return cls(time.monotonic_ns(), busy_ns, time.process_time_ns(), len(cpus))

    def others_until(self, later: "Reading") -> float:
        """The share of the CPUs' time that other programs and other guests took until a later reading.

        The kernel counts in ticks, so the share of a short time is rough and may be below 0 or above 1. It is not cut
        off here, so that a mean of several is right.
        """
        available_ns = (later.at_ns - self.at_ns) * self.cpus
        others_ns = (later.busy_ns - self.busy_ns) - (later.own_ns - self.own_ns)
        return others_ns / available_ns if available_ns > 0 else 0.0
