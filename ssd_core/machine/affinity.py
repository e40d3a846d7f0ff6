"""Which CPUs and memory a process may use: sockets, cores and nodes as the kernel lists them, and binding to them."""

import ctypes
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.machine.cgroup import ROOT, cpu_quota

_MPOL_BIND = 2  # linux/mempolicy.h
_SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237, "riscv64": 237, "ppc64le": 261, "s390x": 270}  # system call numbers
_MASK_WORDS = 16  # 1,024 nodes, the most a kernel is built for
_WORD_BITS = 64


@dataclass(frozen=True)
class Cpu:
    """One logical CPU; those that share socket and core are its hardware threads."""

    number: int
    socket: int
    core: int


@dataclass(frozen=True)
class Binding:
    """What a process is bound to; `memory_nodes` is None where memory is not bound."""

    cpus: tuple[int, ...]
    memory_nodes: tuple[int, ...] | None = None


def parse_list(text: str) -> tuple[int, ...]:
    """Numbers of a kernel list such as `0-3,8`, ascending; an empty list gives none."""
    numbers: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(numbers))


def format_list(numbers: Iterable[int]) -> str:
    """The kernel's short form of a set of numbers: 0, 1, 2, 3, 8 -> `0-3,8`."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)


def online_cpus(root: Path = ROOT) -> tuple[Cpu, ...]:
    """Every CPU that is switched on, with its socket and core, from `sys/devices/system/cpu`."""
    folder = root / "sys/devices/system/cpu"

    def topology(number: int, name: str, default: int) -> int:
        try:
            value = int((folder / f"cpu{number}/topology/{name}").read_text())
        except (OSError, ValueError):
            return default
        return default if value < 0 else value  # -1: firmware does not say (seen on virtual machines)

    try:
        numbers = parse_list((folder / "online").read_text())
    except (OSError, ValueError):
        numbers = available_cpus(root)
    return tuple(Cpu(n, topology(n, "physical_package_id", 0), topology(n, "core_id", n)) for n in numbers)


def available_cpus(root: Path = ROOT) -> tuple[int, ...]:
    """The CPUs this process may run on, from `proc/self/status`."""
    for line in (root / "proc/self/status").read_text().splitlines():
        if line.startswith("Cpus_allowed_list:"):
            return parse_list(line.split()[1])
    raise UserError(f"{root / 'proc/self/status'} names no CPUs: a Linux kernel with /proc mounted is needed.")


def default_thread_count(root: Path = ROOT) -> int:
    """As many threads as CPUs this process really has: those it may run on, or its control group's quota where less.

    A quota is rounded down (but never to 0): a thread more than it grants would be stopped every few milliseconds.
    """
    count, quota = len(available_cpus(root)), cpu_quota(root)
    return count if quota is None else max(1, min(count, int(quota)))


def cpus_of_socket(socket_id: int, root: Path = ROOT) -> tuple[int, ...]:
    """The CPUs of a socket, hardware threads included; UserError lists the sockets that are there."""
    cpus = online_cpus(root)
    numbers = tuple(cpu.number for cpu in cpus if cpu.socket == socket_id)
    if not numbers:
        there = ", ".join(str(socket) for socket in sorted({cpu.socket for cpu in cpus}))
        raise UserError(f"No socket {socket_id} on this machine: give --socket-id one of {there}.")
    return numbers


def nodes_of(cpus: Sequence[int], root: Path = ROOT) -> tuple[int, ...]:
    """The memory nodes that CPUs belong to: several for a socket cut into clusters; none where the kernel has none."""
    wanted = set(cpus)
    return tuple(node for node, members in memory_nodes(root).items() if wanted & set(members))


def memory_nodes(root: Path = ROOT) -> dict[int, tuple[int, ...]]:
    """Every memory node and its CPUs, from `sys/devices/system/node`; empty on a kernel without NUMA."""
    folder = root / "sys/devices/system/node"
    lists = {int(path.parent.name.removeprefix("node")): path for path in folder.glob("node[0-9]*/cpulist")}
    return {node: parse_list(lists[node].read_text()) for node in sorted(lists)}


def binding(socket_id: int | None, num_cores: int | None, root: Path = ROOT) -> Binding | None:
    """What `--socket-id` and `--num-cores` ask for; None where neither is given.

    A socket means all of its CPUs that this process may use, and its memory. `num_cores` takes the first so many
    of their cores, one hardware thread each. UserError for a socket or a number of cores that is not available.
    """
    if socket_id is None and num_cores is None:
        return None
    available = available_cpus(root)
    cpus, where, nodes = available, "this process may use", None
    if socket_id is not None:
        cpus, where = tuple(c for c in cpus_of_socket(socket_id, root) if c in available), f"of socket {socket_id}"
        nodes = nodes_of(cpus, root) or None
        if not cpus:
            raise UserError(
                f"This process may run on no CPU of socket {socket_id}, only on {format_list(available)}:"
                " choose another --socket-id, or widen its affinity (taskset, cpuset)."
            )
    if num_cores is not None:
        cores: dict[tuple[int, int], int] = {}
        for cpu in online_cpus(root):
            if cpu.number in cpus:
                cores.setdefault((cpu.socket, cpu.core), cpu.number)
        if not 1 <= num_cores <= len(cores):
            raise UserError(f"--num-cores {num_cores} is not available: give 1 to {len(cores)}, the cores {where}.")
        cpus = tuple(sorted(cores.values())[:num_cores])
    return Binding(cpus, nodes)


def numactl_prefix(wanted: Binding) -> list[str]:
    """The numactl command that binds what follows it, or [] where numactl is missing or does not work."""
    program = shutil.which("numactl")
    if program is None:
        return []
    prefix = [program, f"--physcpubind={format_list(wanted.cpus)}"]
    if wanted.memory_nodes:
        prefix.append(f"--membind={format_list(wanted.memory_nodes)}")
    try:
        # Containers often forbid its system calls: it is installed but fails.
        worked = subprocess.run([*prefix, "true"], check=False, capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return []
    return prefix if worked else []


def bind(wanted: Binding, root: Path = ROOT) -> None:
    """Bind this process, and the threads it will start, to `wanted`; UserError where the kernel refuses.

    A refusal to bind memory is ignored where the machine has no other memory.
    """
    try:
        os.sched_setaffinity(0, wanted.cpus)
    except OSError as error:
        raise UserError(
            f"The kernel refused to bind to CPUs {format_list(wanted.cpus)} ({error.strerror}):"
            f" this process may use {format_list(available_cpus(root))}."
        ) from error
    if wanted.memory_nodes:
        reason = _bind_memory(wanted.memory_nodes)
        if reason and set(memory_nodes(root)) - set(wanted.memory_nodes):
            raise UserError(
                f"The kernel refused to bind memory to node {format_list(wanted.memory_nodes)} ({reason}):"
                " leave --socket-id out, or in a container allow set_mempolicy (--cap-add SYS_NICE)."
            )


def _bind_memory(nodes: Sequence[int]) -> str | None:
    """Call set_mempolicy(2) with MPOL_BIND; the reason where it failed."""
    number = _SET_MEMPOLICY.get(platform.machine())
    if number is None:
        return f"its system call is not known here for {platform.machine()}"
    mask = (ctypes.c_uint64 * _MASK_WORDS)()
    for node in nodes:
        mask[node // _WORD_BITS] |= 1 << (node % _WORD_BITS)
    library = ctypes.CDLL(None, use_errno=True)
    # The kernel reads one bit less than the length that it gets.
    failed = library.syscall(ctypes.c_long(number), _MPOL_BIND, mask, ctypes.c_ulong(_MASK_WORDS * _WORD_BITS + 1))
    return os.strerror(ctypes.get_errno()) if failed else None
