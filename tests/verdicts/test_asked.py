"""What a run is asked of its cases, and what its selection leaves out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ssd_core.results.case import Case
from ssd_core.scenarios.registry import left_out
from ssd_core.scenarios.settings import Settings
from ssd_core.verdicts.asked import nearest_difference, ordered
from ssd_core.verdicts.limits import Thresholds, read_thresholds

THREADS = {"intra_threads": (2,), "cpus": 2}
LATENCY = Case("latency", "fp32", 1, 1, 2)
THROUGHPUT = Case("throughput", "fp32", 8, 1, 2)
TUNED = Case("throughput", "fp32", 0, 0, 0, streams=0, tuned=True)


@pytest.mark.parametrize(
    ("chosen", "gone", "is_left_out"),
    [
        ({}, LATENCY, True),  # it could be selected: pytest's -k or a path left it out
        ({"precisions": ("int8",), "given": {"precision"}}, LATENCY, True),
        ({"given": {"precision"}}, replace(LATENCY, precision="int4"), True),
        ({}, replace(LATENCY, precision="int4"), False),  # nobody left it out: it is gone
        ({"batch_sizes": (8,), "given": {"batch_size"}}, THROUGHPUT, True),
        ({"batch_sizes": (1,), "given": {"batch_size"}}, THROUGHPUT, True),
        ({}, replace(THROUGHPUT, batch_size=32), False),
        ({}, replace(THROUGHPUT, streams=4), False),
        ({"streams": (2,), "given": {"streams"}}, THROUGHPUT, True),
        ({"inter_threads": (2,), "given": {"num_inter_threads"}}, THROUGHPUT, True),
        ({}, TUNED, True),
        ({"tune": True}, TUNED, True),
        ({"given": {"num_intra_threads"}}, replace(LATENCY, num_intra_threads=64), True),
    ],
)
def test_what_the_user_left_out_is_told_from_what_is_gone(
    chosen: dict[str, Any], gone: Case, is_left_out: bool
) -> None:
    settings = Settings(**THREADS | chosen | {"given": {"num_intra_threads", *chosen.get("given", ())}})  # type: ignore[arg-type]
    assert left_out(settings)(gone.key) is is_left_out


def test_a_case_that_others_are_held_against_comes_first(tmp_path: Path) -> None:
    def thresholds(text: str) -> Thresholds:
        (tmp_path / "thresholds.toml").write_text(text)
        return read_thresholds(tmp_path / "thresholds.toml")

    cases = [replace(LATENCY, precision="int8"), None, THROUGHPUT, LATENCY]
    speedup = "[[rule]]\nkind = 'latency'\nmin_speedup = { AMX = 1, VNNI = 1, AVX2 = 1 }\n"
    assert ordered(cases, thresholds(speedup)) == [3, 0, 1, 2]
    assert ordered(cases, thresholds("[[rule]]\nmax_slowdown = 0.1\n")) == [0, 1, 2, 3]


def test_the_nearest_two_cases_say_what_differs() -> None:
    before = [LATENCY, replace(THROUGHPUT, num_intra_threads=1, batch_size=1)]
    now = [replace(LATENCY, num_intra_threads=1)]
    assert nearest_difference(before, now) == " (num_intra_threads went from 2 to 1)"
    assert nearest_difference(before, [replace(LATENCY, precision="int8")]) == ""
    assert nearest_difference([], now) == ""


def test_threads_that_the_machine_chose_are_no_selection() -> None:
    settings = Settings(cpus=2, intra_threads=(2,))
    assert not left_out(settings)(replace(LATENCY, num_intra_threads=3))
