"""A case: what it is called, what makes two results of one case, and what thresholds match."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.precisions import PRECISIONS
from ssd_core.results.case import COUNTS, PARAMETERS, Case

Counts = dict[str, Any]

counts = st.fixed_dictionaries({name: st.integers(1, 64) for name in COUNTS})
few = st.fixed_dictionaries({name: st.integers(1, 2) for name in COUNTS})  # which are often the same twice
kinds = st.sampled_from(["throughput", "latency", "accuracy"])
precisions = st.sampled_from(list(PRECISIONS))


def test_ids_name_precision_batch_threads_and_streams() -> None:
    assert Case("throughput", "int8", 8, 1, 2).id == "int8-batch8-intra2"
    assert Case("throughput", "int8", 8, 4, 2).id == "int8-batch8-inter4-intra2"
    assert Case("throughput", "int8", 1, 1, 2, streams=2).id == "int8-batch1-intra2-streams2"
    assert Case("throughput", "int8", 4, 1, 2, streams=2, tuned=True).id == "int8-tuned"


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (Case("throughput", "int8", 8, 1, 2), "throughput int8-batch8-intra2"),
        (Case("latency", "fp32", 1, 2, 4, streams=3), "latency fp32-batch1-inter2-intra4-streams3"),
        (Case("throughput", "int8", streams=0, tuned=True), "throughput int8-tuned"),
        (Case("accuracy", "int8", 8, 1, 2).key, "accuracy int8"),
        (Case("against", "int8", 1, 1, 2, variant="intra=1"), "against int8-batch1-intra2 against intra=1"),
    ],
)
def test_cases_have_names_for_people(named: Case, words: str) -> None:
    assert str(named) == words


@given(few, few, precisions, precisions)
def test_two_cases_of_a_kind_share_an_id_only_where_they_are_one(
    mine: Counts, others: Counts, precision: str, another: str
) -> None:
    one, other = Case("throughput", precision, **mine), Case("throughput", another, **others)
    assert (one.id == other.id) is (one == other)


def test_a_tuned_case_is_the_same_whatever_it_chose() -> None:
    one, other = (Case("throughput", "int8", n, 1, n, streams=n, tuned=True) for n in (1, 2))
    assert one.key == other.key
    assert one.counts != other.counts
    assert one.key != Case("throughput", "int8", 1, 1, 1).key


@given(kinds, precisions, few, few, st.booleans())
def test_results_are_of_one_case_whatever_they_do_not_depend_on(
    kind: str, precision: str, mine: Counts, others: Counts, tuned: bool
) -> None:
    one, other = (Case(kind, precision, **some, tuned=tuned) for some in (mine, others))
    assert (one.key == other.key) is (mine == others or kind == "accuracy" or tuned)
    assert one.key.key == one.key
    for changed in (replace(one, kind="against"), replace(one, precision="fp16"), replace(one, tuned=not tuned)):
        assert changed.key != one.key


@given(kinds, precisions, counts, st.booleans())
def test_parameters_are_the_case_and_none_where_it_has_none(
    kind: str, precision: str, chosen: Counts, tuned: bool
) -> None:
    parameters = Case(kind, precision, **chosen, tuned=tuned).parameters
    assert tuple(parameters) == PARAMETERS
    assert (parameters["kind"], parameters["precision"], parameters["tuned"]) == (kind, precision, tuned)
    assert {name: parameters[name] for name in COUNTS} == (dict.fromkeys(COUNTS) if tuned else chosen)
    assert {Case(kind, precision, streams=0).parameters[name] for name in COUNTS} == {None}


@given(counts)
def test_a_step_is_a_batch_of_each_stream(chosen: Counts) -> None:
    case = Case("throughput", "int8", **chosen)
    assert case.images_a_step == chosen["batch_size"] * chosen["streams"]
    assert case.counts == chosen
