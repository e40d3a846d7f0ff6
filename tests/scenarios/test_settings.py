"""What the user chose, and what follows where the choice was left open."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.results.case import Case
from ssd_core.scenarios.settings import Settings

LATENCY = Case("latency", "fp32", 1, 1, 2)
TUNED = Case("throughput", "fp32", streams=0, tuned=True)


def test_a_graph_that_takes_one_batch_only_decides_for_its_precision() -> None:
    settings = Settings(batch_sizes=(1, 8), fixed_batches={"int8": 4})
    assert (settings.batch_sizes_of("int8"), settings.batch_sizes_of("fp32")) == ((4,), (1, 8))
    assert (settings.batch_of("int8", 2), settings.batch_of("fp32", 2)) == (4, 2)


@given(st.integers(1, 256), st.integers(1, 512))
def test_streams_share_the_cpus_and_each_has_a_thread(cpus: int, streams: int) -> None:
    (threads,) = Settings(cpus=cpus, intra_threads=(99,)).intra_threads_of(streams)
    assert threads >= 1
    assert threads * streams <= max(cpus, streams), "no more threads than CPUs, unless there are more streams"
    assert (threads + 1) * streams > cpus, "and no fewer than fit"


def test_threads_that_the_user_chose_are_each_streams_own() -> None:
    settings = Settings(cpus=8, intra_threads=(3, 4), given=frozenset({"num_intra_threads"}))
    assert settings.intra_threads_of(1) == settings.intra_threads_of(4) == (3, 4)


@pytest.mark.parametrize(
    ("given", "gone", "alike", "excluded"),
    [
        ({"precision"}, replace(LATENCY, precision="int8"), [LATENCY], True),
        ({"batch_size"}, replace(LATENCY, precision="int8"), [LATENCY], False),  # which says nothing of precisions
        (set(), replace(LATENCY, precision="int8"), [LATENCY], False),
        ({"precision"}, replace(LATENCY, num_intra_threads=4), [LATENCY], False),
        ({"precision"}, replace(LATENCY, precision="int8"), [LATENCY, replace(LATENCY, precision="int8")], False),
        (set(), LATENCY, [], True),  # a run of another kind
        (set(), TUNED, [replace(LATENCY, kind="throughput")], True),
    ],
)
def test_a_case_is_excluded_where_no_case_of_its_kind_has_what_the_user_chose(
    given: set[str], gone: Case, alike: list[Case], excluded: bool
) -> None:
    assert Settings(given=frozenset(given)).excludes(gone, alike) is excluded


def test_a_tuned_case_is_not_excluded_where_tuning_is_asked_for() -> None:
    assert not Settings(tune=True).excludes(TUNED, [TUNED])
