import dataclasses
from typing import Any

import pytest

from ssd_core.machine.advice import MachineWarning, warnings
from ssd_core.machine.identity import Jitter

STEADY = Jitter(2400.0, 2400.0, load_1_min=0.1, steal=0.0, temperature_celsius=40.0, swap_used_mib=0.0)
SERVER: dict[str, Any] = {
    "cpus": 8,
    "cores": 8,
    "sockets": 1,
    "smt": False,
    "cgroup_quota": None,
    "affinity": "0-7",
    "governor": "performance",
    "turbo": False,
}


def test_a_quiet_machine_gives_no_warnings() -> None:
    assert warnings(SERVER, STEADY) == []
    silent = dataclasses.replace(STEADY, mhz_lowest=None, mhz_highest=None, temperature_celsius=None)
    assert warnings(SERVER | {"governor": None, "turbo": None}, silent) == []


@pytest.mark.parametrize(
    ("identity", "jitter", "words"),
    [
        ({"governor": "powersave"}, {}, ("governor", "powersave", "cpupower frequency-set --governor performance")),
        ({"turbo": True}, {}, ("turbo", "on", "no_turbo")),
        ({"smt": True, "cores": 4}, {}, ("share cores", "8 CPUs on 4 cores", "--num-cores 4")),
        ({"sockets": 2}, {}, ("socket", "2 sockets", "--socket-id 0")),
        ({"cgroup_quota": 2.5}, {}, ("control group", "2.5 CPUs' worth for 8 CPUs", "cpu.stat")),
        ({}, {"load_1_min": 3.25}, ("other programs", "load 3.25 on 8 CPUs", "ps -eo")),
        ({}, {"steal": 0.042}, ("hypervisor", "4.2%", "vmstat")),
        ({}, {"swap_used_mib": 700.0}, ("swapped out", "700 MiB", "swapoff")),
        ({}, {"temperature_celsius": 95.0}, ("hot", "95 °C", "sensors")),
    ],
)
def test_each_warning_says_what_how_much_and_what_to_run(
    identity: dict[str, Any], jitter: dict[str, float], words: tuple[str, str, str]
) -> None:
    (warning,) = warnings(SERVER | identity, dataclasses.replace(STEADY, **jitter))
    what, how_much, command = words
    assert what in warning.what
    assert how_much in warning.how_much
    assert command in warning.command
    assert str(warning) == f"{warning.what}: {warning.how_much}; run: {warning.command}"


def test_a_machine_that_slows_down_under_load_is_told_of() -> None:
    assert warnings(SERVER, STEADY, 1.02) == []
    (warning,) = warnings(SERVER, STEADY, 1.2)
    assert "does not keep its speed" in warning.what
    assert "20% longer" in warning.how_much


def test_a_process_held_to_one_socket_is_not_told_to_choose_one() -> None:
    assert warnings(SERVER | {"sockets": 2, "affinity": "0-3"}, STEADY) == []


def test_a_quota_that_covers_all_cpus_is_no_limit() -> None:
    assert warnings(SERVER | {"cgroup_quota": 8.0}, STEADY) == []


def test_warnings_can_be_told_apart() -> None:
    found = warnings(SERVER | {"turbo": True, "governor": "ondemand"}, dataclasses.replace(STEADY, steal=0.5))
    assert len({w.what for w in found}) == 3
    assert all(isinstance(w, MachineWarning) for w in found)
