"""Warnings about a machine that will not measure steadily: what it is, how much, and the command to run."""

from dataclasses import dataclass
from typing import Any

from ssd_core.machine.affinity import parse_list
from ssd_core.machine.identity import Jitter
from ssd_core.profiling import drift

# The share of the available CPUs that other programs may use before they disturb a benchmark on all CPUs.
_BUSY_SHARE = 0.1
_STEAL_SHARE = 0.01
_SWAP_MIB = 64.0
_HOT_CELSIUS = 90.0


@dataclass(frozen=True)
class MachineWarning:
    """One reason why numbers may be noisy."""

    what: str
    how_much: str
    command: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.what}: {self.how_much}; run: {self.command}"


def warnings(identity: dict[str, Any], jitter: Jitter, yardstick_drift: float = 1.0) -> list[MachineWarning]:
    """The warnings for a machine as `identity.of_this_machine` and `identity.jitter` describe it, gravest first.

    `yardstick_drift` is how its speed changed during some seconds of work (see `drift.py`).
    """
    machine_warnings: list[MachineWarning] = []
    cpus, allowed = identity["cpus"], len(parse_list(identity["affinity"]))

    def warn(what: str, how_much: str, command: str) -> None:
        machine_warnings.append(MachineWarning(what, how_much, command))

    if jitter.steal > _STEAL_SHARE:
        warn(
            "the hypervisor gives CPU time to others",
            f"{jitter.steal:.1%} of it was stolen",
            "vmstat 1 10  # column st",
        )
    busy = jitter.load_1_min / cpus
    if busy > _BUSY_SHARE:
        warn(
            "other programs are running",
            f"load {jitter.load_1_min:.2f} on {cpus} CPUs",
            "ps -eo pcpu,comm --sort=-pcpu | head",
        )
    if changed := drift.describe(yardstick_drift):
        warn("the machine does not keep its speed under load", changed, "watch -n 1 grep MHz /proc/cpuinfo")
    quota = identity["cgroup_quota"]
    if quota is not None and quota < allowed:
        warn(
            "a control group limits CPU time",
            f"{quota:g} CPUs' worth for {allowed} CPUs",
            "cat /sys/fs/cgroup/cpu.stat  # nr_throttled",
        )
    if jitter.swap_used_mib > _SWAP_MIB:
        warn("memory was swapped out", f"{jitter.swap_used_mib:.0f} MiB", "sudo swapoff -a")
    if jitter.temperature_celsius is not None and jitter.temperature_celsius > _HOT_CELSIUS:
        warn("the CPU is hot and may slow down", f"{jitter.temperature_celsius:.0f} °C", "sensors")
    if identity["governor"] not in (None, "performance"):
        warn(
            "the frequency governor is not performance",
            f"it is {identity['governor']}",
            "sudo cpupower frequency-set --governor performance",
        )
    if identity["turbo"]:
        warn(
            "turbo lets the clock change with temperature and load",
            "on",
            "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo"
            "  # or: echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost",
        )
    if identity["smt"]:
        warn(
            "hardware threads share cores",
            f"{cpus} CPUs on {identity['cores']} cores",
            f"pytest bench --num-cores {identity['cores']}",
        )
    if identity["sockets"] > 1 and allowed == cpus:
        warn(
            "memory of another socket is slower",
            f"{identity['sockets']} sockets, and nothing bound to one",
            "pytest bench --socket-id 0",
        )
    return machine_warnings
