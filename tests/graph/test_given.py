"""--in-graph: which file is the graph of which precision, and which batch it takes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ssd_core.errors import UserError
from ssd_core.graph.frozen import write_graph
from ssd_core.graph.given import fixed_batches, given_graphs

GraphDef = Any


def test_a_name_counts_and_without_one_the_graph_says_it(small_graphs: Mapping[str, Path]) -> None:
    fp32, int8 = small_graphs["fp32"], small_graphs["int8"]
    assert given_graphs([f"bf16={int8}", str(fp32)], None) == {"bf16": int8, "fp32": fp32}
    assert given_graphs([str(int8), f"fp32={fp32}"], ["fp32", "int8"]) == {"fp32": fp32, "int8": int8}


def test_one_graph_for_one_precision_is_of_that(small_graphs: Mapping[str, Path]) -> None:
    int8 = small_graphs["int8"]
    assert given_graphs([str(int8)], ["bf16"]) == {"bf16": int8}
    assert given_graphs([str(int8)], ["bf16", "fp32"]) == {"int8": int8}
    assert given_graphs([], ["bf16"]) == {}


@pytest.mark.parametrize("name", ["a=b.pb", "int4=c.pb"])
def test_a_path_may_hold_an_equals_sign(
    small_graphs: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).symlink_to(small_graphs["fp32"])
    monkeypatch.chdir(tmp_path)
    for path in (name, f"./{name}", str(tmp_path / name)):
        assert given_graphs([path], None) == {"fp32": Path(path)}
        assert given_graphs([f"int8={path}"], None) == {"int8": Path(path)}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["int8="], "--in-graph int8= is given an empty value"),
        (["int4=c.pb"], "--in-graph int4=c.pb names no precision that is known: use one of fp32, bf16, int8"),
        (["int8=c.pb"], "No such graph: --in-graph c.pb"),
        (["no=folder/int4=c.pb"], "--in-graph no=folder/int4=c.pb names no precision"),
        (["./int4=c.pb"], r"No such graph: --in-graph int4=c\.pb"),
        (["."], r"No such graph: --in-graph \."),
    ],
)
def test_what_is_not_there_is_named(
    given: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        given_graphs(given, None)


def test_one_graph_a_precision(small_graphs: Mapping[str, Path]) -> None:
    fp32, int8 = small_graphs["fp32"], small_graphs["int8"]
    with pytest.raises(UserError, match=f"{int8} is int8, and so is {fp32}: give one graph a precision"):
        given_graphs([f"int8={fp32}", str(int8)], None)


def test_a_batch_that_a_graph_fixes_is_told_and_no_other_is_taken(
    small_graph: Callable[..., GraphDef], tmp_path: Path
) -> None:
    fixed, free = tmp_path / "fixed.pb", tmp_path / "free.pb"
    write_graph(small_graph(batch=4), fixed)
    write_graph(small_graph(), free)
    assert fixed_batches({"int8": fixed, "fp32": free}, [], fast=False) == {"int8": 4}
    assert fixed_batches({"int8": fixed}, [4], fast=True) == {"int8": 4}
    assert fixed_batches({"fp32": free}, [1, 7], fast=False) == {}
    with pytest.raises(UserError, match=rf"^{fixed}: The graph's input takes 4 image\(s\) at a time"):
        fixed_batches({"fp32": free, "int8": fixed}, [4, 1], fast=False)


def test_a_fast_post_processing_frees_the_batch_of_an_upstream_graph(
    thin_upstream_graph: GraphDef, tmp_path: Path
) -> None:
    path = tmp_path / "upstream.pb"
    write_graph(thin_upstream_graph, path)
    assert fixed_batches({"int8": path}, [1], fast=False) == {"int8": 1}
    assert fixed_batches({"int8": path}, [8], fast=True) == {}
