"""What the kernel says of a running process: memory, CPUs, memory policy, threads. Nothing here comes from a flag."""

from dataclasses import dataclass
from pathlib import Path

from ssd_core.machine.affinity import parse_list
from ssd_core.machine.cgroup import ROOT

_RESET_PEAK = "5"  # proc(5), clear_refs: set VmHWM back to the memory resident now


def peak_memory_bytes(root: Path = ROOT) -> int:
    """The most memory this process has had resident since it began or `reset_peak` was called (VmHWM)."""
    return int(_status(root)["VmHWM"].split()[0]) << 10


def reset_peak(root: Path = ROOT) -> bool:
    """Reset the peak; False where the kernel does not allow it."""
    try:
        (root / "proc/self/clear_refs").write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class MemoryPolicy:
    """Where memory comes from: `mode` in the kernel's word (default, bind, prefer, …), `nodes` that it takes."""

    mode: str
    nodes: tuple[int, ...]


def memory_policy(root: Path = ROOT) -> MemoryPolicy:
    """The policy of this process's heap, from `numa_maps`; `default` with all its allowed nodes where there is none."""
    allowed = parse_list(_status(root).get("Mems_allowed_list", ""))
    try:
        lines = (root / "proc/self/numa_maps").read_text(errors="replace").splitlines()  # paths of any bytes
    except OSError:
        lines = []
    words = [line.split() for line in lines]
    # The heap has no policy of its own, so it shows the one that the process has.
    policy = next((w[1] for w in words if "heap" in w[2:]), words[0][1] if words else "default")
    mode, _, nodes = policy.partition(":")
    # A mode may carry flags (bind=static:0), and modes without nodes take memory from all that are allowed.
    return MemoryPolicy(mode.split("=")[0], parse_list(nodes) if nodes else allowed)


def thread_names(root: Path = ROOT) -> dict[str, str]:
    """The names of this process's threads, by the kernel's numbers of them."""
    names = {}
    for path in (root / "proc/self/task").glob("*/comm"):
        try:
            names[path.parent.name] = path.read_text().strip()
        except OSError:  # it ended meanwhile
            continue
    return names


def _status(root: Path) -> dict[str, str]:
    lines = (root / "proc/self/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
