"""The table of precisions: every other list follows from it."""

import re

import pytest

from ssd_core.backends.registry import BACKENDS, OURS
from ssd_core.demo import places
from ssd_core.errors import UserError
from ssd_core.precisions import DEFAULT, PRECISIONS, REFERENCE, Precision, of_tensor_type
from ssd_core.profiling.kernels import KernelShares
from ssd_core.verdicts.kernels import check_kernels
from tests.typed_results import timed

ROWS = list(PRECISIONS.values())


def test_names_and_types_are_of_one_precision_each() -> None:
    assert [row.name for row in ROWS] == list(PRECISIONS)
    assert len({row.kernels for row in ROWS}) == len(ROWS)
    types = [data_type for row in ROWS for data_type in row.tensor_types]
    assert len(set(types)) == len(types)
    assert {of_tensor_type(data_type) for data_type in types} == set(PRECISIONS)
    assert of_tensor_type("int64") == "int64"


def test_the_reference_runs_by_default_and_everywhere() -> None:
    assert REFERENCE in DEFAULT
    assert PRECISIONS[REFERENCE].runs_on([])


def test_a_cpu_without_its_flags_does_not_run_it() -> None:
    for row in ROWS:
        assert row.runs_on(["avx2", *sorted(row.cpu_flags)[:1]])
        assert row.runs_on(["avx2"]) == (not row.cpu_flags)


def test_ours_and_the_demo_have_all_of_them() -> None:
    assert BACKENDS[OURS].precisions == tuple(PRECISIONS)
    assert tuple(PRECISIONS) == places.PRECISIONS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_its_kernels_prove_that_it_ran(row: Precision) -> None:

    if row.runs_on([]):
        own = KernelShares(1, 1.0, {"AVX-512": 1.0}, {row.kernels: 1.0}, {})
        check_kernels(timed(row.name, onednn_kernels=own))
    others = {other.kernels: 1.0 for other in ROWS if other is not row}
    with pytest.raises(UserError, match=re.escape(row.without)):
        check_kernels(timed(row.name, onednn_kernels=KernelShares(1, 1.0, {"AVX-512": 1.0}, others, {})))
