"""The scenarios: which cases each has, and what they are called."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.scenarios.registry import KINDS, cases_of
from ssd_core.scenarios.settings import Settings

counts = st.lists(st.integers(1, 64), min_size=1, max_size=4, unique=True).map(tuple)


def settings_with(
    batches: tuple[int, ...] = (1, 8), inter: tuple[int, ...] = (1,), intra: tuple[int, ...] = (2,), **others: Any
) -> Settings:
    chosen: dict[str, Any] = {"cpus": 2, "given": {"num_intra_threads"}, **others}
    return Settings(batch_sizes=batches, inter_threads=inter, intra_threads=intra, **chosen)


def test_streams_share_the_cpus_where_threads_are_left_open() -> None:
    free = settings_with((1,), streams=(1, 2, 3, 9), precisions=("int8",), cpus=6, given=frozenset())
    for kind in ("throughput", "against"):
        cases = list(cases_of(kind, free))
        assert [(c.streams, c.num_intra_threads) for c in cases] == [(1, 6), (2, 3), (3, 2), (9, 1)]
    fixed = settings_with((1,), intra=(4,), streams=(1, 2), precisions=("int8",))
    assert [(c.streams, c.num_intra_threads) for c in cases_of("throughput", fixed)] == [(1, 4), (2, 4)]
    for kind in ("latency", "accuracy", "input_pipeline"):
        assert {c.streams for c in cases_of(kind, free)} == {1}


def test_each_precision_has_one_tuned_throughput_case_where_it_is_asked_for() -> None:
    ids = [case.id for case in cases_of("throughput", settings_with(tune=True))]
    assert [name for name in ids if "tuned" in name] == ["fp32-tuned", "int8-tuned"]
    assert ids.index("fp32-tuned") < ids.index("int8-batch1-intra2"), "each precision's cases stand together"
    assert not any(case.tuned for case in cases_of("throughput", settings_with()))
    assert not any(case.tuned for case in cases_of("against", settings_with(tune=True)))


@given(batches=counts, inter=counts, intra=counts)
def test_throughput_is_the_whole_product_without_repeats(
    batches: tuple[int, ...], inter: tuple[int, ...], intra: tuple[int, ...]
) -> None:
    cases = list(cases_of("throughput", settings_with(batches, inter, intra)))
    assert len(cases) == 2 * len(batches) * len(inter) * len(intra)
    assert len({case.id for case in cases}) == len(cases)
    precisions = [case.precision for case in cases]
    assert precisions == sorted(precisions), "each precision's cases stand together"


@given(batches=counts)
def test_latency_is_of_one_image_whatever_the_batch_sizes(batches: tuple[int, ...]) -> None:
    cases = list(cases_of("latency", settings_with(batches, given={"batch_size"})))
    assert [case.batch_size for case in cases] == [1, 1]


def test_accuracy_has_one_case_a_precision() -> None:
    assert [c.id for c in cases_of("accuracy", settings_with(inter=(1, 2)))] == [
        "fp32-batch8-inter2-intra2",
        "int8-batch8-inter2-intra2",
    ]


def test_the_input_pipeline_has_no_precision() -> None:
    assert [c.id for c in cases_of("input_pipeline", settings_with())] == ["data-batch1-intra2", "data-batch8-intra2"]


def test_every_kind_has_cases_and_another_is_refused() -> None:
    assert all(list(cases_of(kind, settings_with())) for kind in KINDS)
    with pytest.raises(UserError, match="nonsense"):
        list(cases_of("nonsense", settings_with()))
