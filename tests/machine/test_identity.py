import json
import platform
from pathlib import Path
from typing import Any

import pytest

from ssd_core.machine import identity
from ssd_core.machine.cpu_time import CpuTime, cpu_time

CPUINFO = """\
processor	: 0
model name	: Intel(R) Xeon(R) Platinum 8488C
microcode	: 0x2b000603
cpu MHz		: {mhz}
flags		: fpu sse4_1 avx2 avx512f avx512_vnni amx_tile amx_int8 ht

processor	: 1
model name	: Intel(R) Xeon(R) Platinum 8488C
cpu MHz		: 2400.000
flags		: fpu sse4_1
"""


def root(folder: Path, **changed: object) -> Path:
    """A fake machine of one socket with one core of two hardware threads."""
    cpu = "sys/devices/system/cpu"
    values: dict[str, object] = {
        "proc/cpuinfo": CPUINFO.format(mhz=changed.pop("mhz", "3500.125")),
        "proc/self/status": "Cpus_allowed_list:\t0-1",
        "proc/meminfo": f"MemTotal: 32800000 kB\nSwapTotal: 2048 kB\nSwapFree: {changed.pop('swap_free', 2048)} kB",
        "proc/loadavg": f"{changed.pop('load', '0.05')} 0.50 0.25 1/300 4242",
        "proc/stat": changed.pop("stat", "cpu  100 0 50 800 10 0 5 35 0 0\ncpu0 1 2 3"),
        f"{cpu}/online": "0-1",
        f"{cpu}/cpu0/topology/physical_package_id": 0,
        f"{cpu}/cpu1/topology/physical_package_id": 0,
        f"{cpu}/cpu0/topology/core_id": 0,
        f"{cpu}/cpu1/topology/core_id": 0,
        "sys/devices/system/node/node0/cpulist": "0-1",
        f"{cpu}/cpu0/cpufreq/scaling_governor": changed.pop("governor", "powersave"),
        f"{cpu}/intel_pstate/no_turbo": changed.pop("no_turbo", "0"),
        "sys/class/thermal/thermal_zone0/temp": changed.pop("temperature", "41000"),
    }
    assert not changed
    for name, value in values.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{value}\n")
    return folder


def test_identity_is_what_the_machine_says(tmp_path: Path) -> None:
    facts = identity.of_this_machine(root(tmp_path))
    expected: dict[str, Any] = {
        "cpu_model": "Intel(R) Xeon(R) Platinum 8488C",
        "isa_flags": ["sse4_1", "avx2", "avx512f", "avx512_vnni", "amx_tile", "amx_int8"],
        "microcode": "0x2b000603",
        "virtual": False,
        "cpus": 2,
        "cores": 1,
        "sockets": 1,
        "numa_nodes": 1,
        "smt": True,
        "memory_gib": 31,
        "cgroup_quota": None,
        "affinity": "0-1",
        "usable_cpus": 2,
        "governor": "powersave",
        "turbo": True,
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    assert {key: facts[key] for key in expected} == expected
    assert json.loads(json.dumps(facts)) == facts


def test_jitter_is_no_part_of_the_identity(tmp_path: Path) -> None:
    calm = root(tmp_path / "calm")
    busy = root(
        tmp_path / "busy", mhz="1200.5", load="7.5", temperature="88000", stat="cpu 9 9 9 9 9 9 9 9", swap_free=0
    )
    assert identity.of_this_machine(calm) == identity.of_this_machine(busy)
    assert identity.jitter(root=calm) != identity.jitter(root=busy)


def test_jitter_is_how_the_machine_is_now(tmp_path: Path) -> None:
    jitter = identity.jitter(root=root(tmp_path, swap_free=1024))
    assert (jitter.mhz_lowest, jitter.mhz_highest) == (2400.0, 3500.125)
    assert jitter.load_1_min == 0.05
    assert jitter.temperature_celsius == 41.0
    assert jitter.swap_used_mib == 1.0
    assert jitter.steal == pytest.approx(0.035)


def test_stolen_time_counts_from_when_it_is_told_to(tmp_path: Path) -> None:
    then = cpu_time(root=root(tmp_path))
    assert (then.total, then.steal) == (1000, 35)
    assert identity.jitter(CpuTime(900, 0, 10), tmp_path).steal == pytest.approx(0.25)
    assert identity.jitter(then, tmp_path).steal == 0


def test_a_machine_that_says_little_gives_none(tmp_path: Path) -> None:
    bare = root(tmp_path, mhz="")
    for name in ("cpufreq/scaling_governor",):
        (bare / "sys/devices/system/cpu/cpu0" / name).unlink()
    (bare / "sys/devices/system/cpu/intel_pstate/no_turbo").unlink()
    (bare / "sys/class/thermal/thermal_zone0/temp").unlink()
    (bare / "proc/cpuinfo").write_text("")
    facts, jitter = identity.of_this_machine(bare), identity.jitter(root=bare)
    assert facts["governor"] is facts["turbo"] is None
    assert facts["cpu_model"]
    assert jitter.mhz_lowest is jitter.temperature_celsius is None


def test_an_arm_processor_is_named_by_its_numbers(tmp_path: Path) -> None:
    arm = root(tmp_path)
    (arm / "proc/cpuinfo").write_text(
        "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm sve bf16\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"
    )
    facts = identity.of_this_machine(arm)
    assert facts["cpu_model"] == "Arm implementer 0x41 part 0xd40"
    assert facts["isa_flags"] == ["asimd", "asimddp", "i8mm", "bf16", "sve"]


@pytest.mark.parametrize(("boost", "turbo"), [("1", True), ("0", False)])
def test_turbo_is_asked_of_either_driver(tmp_path: Path, boost: str, turbo: bool) -> None:
    folder = root(tmp_path, no_turbo="")
    (folder / "sys/devices/system/cpu/cpufreq").mkdir(parents=True)
    (folder / "sys/devices/system/cpu/cpufreq/boost").write_text(f"{boost}\n")
    assert identity.of_this_machine(folder)["turbo"] is turbo


def test_versions_are_found_without_importing_tensorflow() -> None:
    from importlib.metadata import distributions

    installed = {d.name.lower().replace("_", "-"): d.version for d in distributions()}
    package, _, version = str(identity.versions()["tensorflow"]).partition(" ")
    assert installed[package] == version
    assert identity.versions()["onednn"]


def test_this_machine_can_be_described() -> None:
    facts, jitter = identity.of_this_machine(), identity.jitter(cpu_time())
    assert facts["cpus"] >= facts["cores"] >= facts["sockets"] >= 1
    assert 0 <= jitter.steal <= 1
    assert json.loads(json.dumps(jitter.as_json())) == jitter.as_json()


@pytest.mark.parametrize(
    ("flags", "best"),
    [
        (["avx2", "avx512_vnni", "amx_int8"], "AMX"),
        (["avx2", "avx_vnni", "avx512_vnni"], "AVX-512 VNNI"),
        (["avx2", "avx_vnni"], "AVX-VNNI"),
        (["avx2"], "AVX2"),
        (["asimd", "asimddp", "i8mm"], "I8MM"),
        (["sse4_1"], None),
    ],
)
def test_the_best_int8_instructions_are_told_by_their_usual_name(flags: list[str], best: str | None) -> None:
    assert identity.best_int8(flags) == best
