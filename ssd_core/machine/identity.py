"""The machine a number was measured on: what it is (identity), and its state at the time (jitter)."""

import contextlib
import platform
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ssd_core.machine.affinity import available_cpus, default_thread_count, format_list, memory_nodes, online_cpus
from ssd_core.machine.cgroup import ROOT, cpu_quota
from ssd_core.machine.cpu_time import CpuTime, cpu_time

# The instructions that decide which convolution kernels can run.
ISA_FLAGS = (
    *("sse4_1", "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx_vnni_int8", "avx_ne_convert"),
    *("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "amx_fp16"),
    *("asimd", "asimddp", "i8mm", "bf16", "sve", "sve2", "svei8mm", "svebf16"),
)
_BEST_INT8 = {  # best first
    "amx_int8": "AMX",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX-VNNI",
    "i8mm": "I8MM",
    "asimddp": "dot products",
    "avx2": "AVX2",
}
ISA_LIMIT = "ONEDNN_MAX_CPU_ISA"
"""The environment variable that limits the instructions that oneDNN uses."""
_TENSORFLOW_PACKAGES = ("tensorflow-cpu", "tensorflow", "intel-tensorflow", "tensorflow-cpu-aws")
# onednn_async since TensorFlow 2.22
_ONEDNN_HEADERS = "tensorflow/include/external/onednn*/include/oneapi/dnnl/dnnl_version.h"
_CPUS = "sys/devices/system/cpu"


def of_this_machine(root: Path = ROOT) -> dict[str, Any]:
    """What two runs must share to be compared: it stays the same until somebody changes the machine or its settings.

    Values are JSON's own types; None where this machine does not say (a virtual machine seldom tells its governor).
    """
    cpus = online_cpus(root)
    fields = _cpuinfo(root)
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    quota = cpu_quota(root)
    return {
        "cpu_model": fields.get("model name") or _arm_model(fields) or platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "isa_flags": [flag for flag in ISA_FLAGS if flag in flags],
        "microcode": fields.get("microcode"),
        "virtual": "hypervisor" in flags,
        "cpus": len(cpus),
        "cores": len({(cpu.socket, cpu.core) for cpu in cpus}),
        "sockets": len({cpu.socket for cpu in cpus}),
        "numa_nodes": len(memory_nodes(root)) or 1,
        "smt": len({(cpu.socket, cpu.core) for cpu in cpus}) < len(cpus),
        "memory_gib": round(_meminfo_kib(root).get("MemTotal", 0) / 2**20),
        "cgroup_quota": quota,
        "affinity": format_list(available_cpus(root)),
        "usable_cpus": default_thread_count(root),
        "governor": _governor(root),
        "turbo": _turbo(root),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()).strip() or None,
        **versions(),
    }


def best_int8(isa_flags: Collection[str]) -> str | None:
    """The best int8 instructions among a CPU's flags, by their usual name; None if there are none."""
    return next((name for flag, name in _BEST_INT8.items() if flag in isa_flags), None)


def versions() -> dict[str, str | None]:
    """Python's, TensorFlow's and oneDNN's versions in this environment, found without importing TensorFlow."""
    tensorflow, onednn = None, None
    for package in _TENSORFLOW_PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError, OSError):
            distribution = metadata.distribution(package)
            tensorflow = f"{package} {distribution.version}"
            # TensorFlow ships the headers of the oneDNN that it was built with.
            for header in Path(str(distribution.locate_file(""))).glob(_ONEDNN_HEADERS):
                onednn = _onednn_version(header.read_text(errors="replace"))
        if tensorflow:
            break
    return {"python": platform.python_version(), "tensorflow": tensorflow, "onednn": onednn}


@dataclass(frozen=True)
class Jitter:
    """The machine's state at one time. None where it does not say; `steal` is a share of CPU time, 0 to 1."""

    mhz_lowest: float | None
    mhz_highest: float | None
    load_1_min: float
    steal: float
    temperature_celsius: float | None
    swap_used_mib: float

    def as_json(self) -> dict[str, Any]:
        """The same as plain objects."""
        return asdict(self)


def jitter(since: CpuTime | None = None, root: Path = ROOT) -> Jitter:
    """The machine's state now; stolen time counts from `since`, or from when the machine started."""
    now, then = cpu_time(root=root), since or CpuTime(0, 0, 0)
    mhz = [float(value) for value in re.findall(r"^cpu MHz\s*: *([\d.]+)", _text(root / "proc/cpuinfo"), re.MULTILINE)]
    temperatures = [
        int(text) / 1000
        for pattern in ("sys/class/thermal/thermal_zone*/temp", "sys/class/hwmon/hwmon*/temp*_input")
        for path in root.glob(pattern)
        if (text := _text(path).strip()).isdigit()
    ]
    memory = _meminfo_kib(root)
    return Jitter(
        mhz_lowest=min(mhz, default=None),
        mhz_highest=max(mhz, default=None),
        load_1_min=float(_text(root / "proc/loadavg").split()[0]),
        steal=(now.steal - then.steal) / max(1, now.total - then.total),
        temperature_celsius=max(temperatures, default=None),
        swap_used_mib=(memory.get("SwapTotal", 0) - memory.get("SwapFree", 0)) / 1024,
    )


def _cpuinfo(root: Path) -> dict[str, str]:
    """The fields of the first CPU."""
    first, _, _ = _text(root / "proc/cpuinfo").partition("\n\n")
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _arm_model(fields: dict[str, str]) -> str | None:
    """Arm's kernel gives numbers, not names."""
    if "CPU part" not in fields:
        return None
    return f"Arm implementer {fields.get('CPU implementer', '?')} part {fields['CPU part']}"


def _governor(root: Path) -> str | None:
    """The frequency governors in use, several where CPUs differ."""
    governors = {_text(path).strip() for path in (root / _CPUS).glob("cpu[0-9]*/cpufreq/scaling_governor")}
    return ", ".join(sorted(governors - {""})) or None


def _turbo(root: Path) -> bool | None:
    """Whether the clock may rise above its base frequency."""
    if text := _text(root / _CPUS / "intel_pstate/no_turbo").strip():
        return text == "0"
    if text := _text(root / _CPUS / "cpufreq/boost").strip():
        return text == "1"
    return None


def _meminfo_kib(root: Path) -> dict[str, int]:
    return {name: int(kib) for name, kib in re.findall(r"^(\w+): +(\d+)", _text(root / "proc/meminfo"), re.MULTILINE)}


def _onednn_version(header: str) -> str | None:
    numbers = [re.search(rf"DNNL_VERSION_{part}\s+(\d+)", header) for part in ("MAJOR", "MINOR", "PATCH")]
    return ".".join(number[1] for number in numbers if number) or None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
