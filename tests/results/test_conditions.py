from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.results.conditions import differences, unlike_hardware, unlike_settings
from ssd_core.results.run import Run

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
)
FIELDS = st.dictionaries(st.text("xyz", min_size=1, max_size=2), VALUES, max_size=4)


def told(a: dict[str, Any], b: dict[str, Any], *ignore: str) -> list[str]:
    return [str(difference) for difference in differences(a, b, ignore)]


def test_differences_are_named_field_by_field() -> None:
    a = {"allocator": "malloc", "graph_ops": {"Conv2D": 35, "Relu": 3}, "same": 1}
    b = {"allocator": "tcmalloc", "graph_ops": {"Conv2D": 33, "Add": 1}, "same": 1}
    assert told(a, b) == [
        "allocator (malloc -> tcmalloc)",
        "graph_ops.Conv2D (35 -> 33)",
        "graph_ops.Relu (3 -> absent)",
        "graph_ops.Add (absent -> 1)",
    ]
    assert told(a, b, "graph_ops") == ["allocator (malloc -> tcmalloc)"]
    assert told(a, b, "allocator", "graph_ops.Relu", "graph_ops.Add") == ["graph_ops.Conv2D (35 -> 33)"]


def test_lists_are_told_by_what_is_lost_and_won_and_digests_are_cut() -> None:
    assert told({"isa": ["avx2", "amx"]}, {"isa": ["avx2", "vnni"]}) == ["isa (-amx +vnni)"]
    assert told({"isa": ["a", "b"]}, {"isa": ["b", "a"]}) == []
    assert told({"sha": "ab" * 32}, {"sha": "cd" * 32}) == ["sha (abababababab -> cdcdcdcdcdcd)"]


def test_what_a_side_does_not_say_is_no_difference() -> None:
    assert told({"a": 1, "b": None}, {"b": 2, "c": 3}) == []


@given(FIELDS, FIELDS)
def test_nothing_differs_from_itself_and_differences_are_mutual(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert told(a, a) == []
    assert {d.field for d in differences(a, b)} == {d.field for d in differences(b, a)}


def run(**identity: object) -> Run:
    return Run(Path("a.json"), identity, ())


@pytest.mark.parametrize("field", ["cpu_model", "isa_flags", "cores", "sockets", "numa_nodes", "smt"])
def test_hardware_makes_machines_unlike(field: str) -> None:
    assert [d.field for d in unlike_hardware(run(**{field: 1}), run(**{field: 2}))] == [field]
    assert unlike_settings(run(**{field: 1}), run(**{field: 2})) == ()


@pytest.mark.parametrize("field", ["kernel", "tensorflow", "governor", "cgroup_quota"])
def test_the_rest_is_settings(field: str) -> None:
    assert unlike_hardware(run(**{field: 1}), run(**{field: 2})) == ()
    assert [d.field for d in unlike_settings(run(**{field: 1}), run(**{field: 2}))] == [field]
    assert unlike_settings(run(**{field: 1}), run(**{field: 2}), [field]) == ()


def test_a_name_makes_no_other_machine() -> None:
    assert unlike_settings(run(hostname="a"), run(hostname="b")) == unlike_hardware(run(), run(cores=2)) == ()
