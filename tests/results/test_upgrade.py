"""Results of older schemas are read as today's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.results.run import result_of
from ssd_core.results.schema import PeersAccuracyResult, TimedResult, as_info
from ssd_core.results.upgrade import upgraded
from tests.saved_runs import BenchmarkMaker

PEERS = {"precision": "int8", "schema_version": 1, "peers_accuracy": {"tensorflow": {"AP": 0.4}}}


def saved(name: str = "test_latency[int8]", seconds: tuple[float, ...] = (0.001, 0.003), **info: Any) -> dict[str, Any]:
    """A benchmark of which the file says no more than the precision, unless more is given."""
    return {"name": name, "extra_info": {"precision": "int8", **info}, "stats": {"data": list(seconds)}}


@pytest.mark.parametrize("kind", ["latency", "throughput", "input_pipeline", "accuracy"])
def test_before_files_named_the_kind_the_test_did(kind: str) -> None:
    name = f"test_{kind}[int8-batch1-intra2]"
    assert upgraded(saved(name, accuracy={"AP": 0.4}))["kind"] == kind
    assert upgraded(saved(name, kind="throughput"))["kind"] == "throughput", "what the file says counts"


def test_the_accuracy_of_other_runtimes_was_of_the_kind_of_their_speed() -> None:
    result = result_of("here", {"name": "test_peers_accuracy[x]", "extra_info": {"kind": "peers", **PEERS}})
    assert isinstance(result, PeersAccuracyResult)
    assert result.peers_accuracy == {"tensorflow": {"AP": 0.4}}
    assert upgraded(saved(kind="peers", peers={}))["kind"] == "peers"


def test_counts_that_are_missing_are_none_of_them_and_one_stream() -> None:
    info = upgraded(saved())
    assert [info[name] for name in ("batch_size", "num_inter_threads", "num_intra_threads")] == [0, 0, 0]
    assert (info["streams"], info["tuned"]) == (1, False)
    said = upgraded(saved(batch_size=8, num_inter_threads=2, num_intra_threads=3, streams=4, tuned=True))
    assert [said[name] for name in ("batch_size", "num_inter_threads", "num_intra_threads", "streams")] == [8, 2, 3, 4]
    assert said["tuned"] is True


def test_files_that_do_not_say_how_many_streams_are_of_one(benchmark_of: BenchmarkMaker) -> None:
    old, one, two = (result_of("here", benchmark_of(**says)).case for says in ({}, {"streams": 1}, {"streams": 2}))
    assert old == one != two


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=9))
def test_samples_are_those_of_pytest_benchmark_where_the_file_has_no_own(durations_ns: list[int]) -> None:
    # A double holds 16 digits, and these seconds have 13 at the most: they come back whole.
    seconds = tuple(ns * 1e-9 for ns in durations_ns)
    info = upgraded(saved(seconds=seconds, batch_size=4, streams=2))
    assert info["samples_ns"] == [durations_ns]
    assert info["steps"] == len(durations_ns)
    assert info["images_per_second"] == pytest.approx(8 * len(durations_ns) / (sum(durations_ns) * 1e-9))
    assert upgraded(saved(samples_ns=[[1, 2], [3]], seconds=seconds))["samples_ns"] == [[1, 2], [3]]


@pytest.mark.parametrize("stats", [{}, {"data": []}, None])
def test_a_timed_result_without_any_samples_says_how_to_save(stats: object) -> None:
    with pytest.raises(UserError, match="--benchmark-save-data"):
        upgraded({**saved(), "stats": stats})
    assert upgraded({**saved("test_accuracy[x]", accuracy={"AP": 0.4}), "stats": stats})["accuracy"] == {"AP": 0.4}


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("graph_contract", "seed", "upstream"),
        ("rounding", "whole pixels, as the seed did", "whole pixels, as upstream did"),
        ("graph_contract", "batched", "batched"),
        ("rounding", "a thousandth of a pixel", "a thousandth of a pixel"),
        ("graph", "/home/seed/seed.pb", "/home/seed/seed.pb"),  # a path is no word of ours
        ("graph_contract", None, None),
    ],
)
def test_upstream_was_called_the_seed(field: str, old: str | None, new: str | None) -> None:
    said: dict[str, Any] = {field: old}
    assert upgraded(saved(**said))[field] == new


@pytest.mark.parametrize("kind", ["throughput", "latency", "input_pipeline", "accuracy"])
@pytest.mark.parametrize("version", [0, 1])
def test_an_upgraded_result_that_is_written_and_read_again_is_the_same(
    benchmark_of: BenchmarkMaker, kind: str, version: int
) -> None:
    without = ("schema_version", "kind", "samples_ns") if version == 0 else ()
    old = benchmark_of(kind, without=without, graph_contract="seed", rounding="as the seed did")
    result = result_of("old", old)
    again = result_of("new", {"name": "another", "extra_info": as_info(result)})
    assert again == result
    assert again.conditions == result.conditions
    assert upgraded({**old, "extra_info": upgraded(old)}) == upgraded(old), "nothing is changed twice"


def test_what_the_file_says_of_its_samples_is_kept() -> None:
    result = result_of("here", saved(images_per_second=12.5, warmup_steps=3, steady=False))
    assert isinstance(result, TimedResult)
    assert (result.images_per_second, result.warmup_steps, result.steady) == (12.5, 3, False)
