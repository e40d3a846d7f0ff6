"""Whether a case is what it is named for, told by what oneDNN said that it ran."""

import pytest

from ssd_core.errors import UserError
from ssd_core.machine import identity
from ssd_core.profiling.kernels import KernelShares
from ssd_core.verdicts import kernels
from tests.typed_results import timed


def ran(data_type: str, isa: str = "AVX-512") -> KernelShares:
    return KernelShares(1, 1.0, {isa: 1.0}, {data_type: 1.0}, {"a": 1.0})


def check(precision: str, shares: KernelShares) -> None:
    kernels.check_kernels(timed(precision, onednn_kernels=shares))


@pytest.fixture(params=["avx512_bf16", "svebf16"])
def with_bf16(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "of_this_machine", lambda: {"isa_flags": [request.param]})


@pytest.mark.usefixtures("with_bf16")
@pytest.mark.parametrize(("precision", "data_type"), [("fp32", "f32"), ("bf16", "bf16"), ("int8", "int8")])
def test_what_ran_in_its_own_precision_is_fine(precision: str, data_type: str) -> None:
    check(precision, ran(data_type))


@pytest.mark.usefixtures("with_bf16")
@pytest.mark.parametrize(("precision", "data_type"), [("fp32", "bf16"), ("bf16", "f32"), ("int8", "f32")])
def test_what_ran_in_another_is_refused(precision: str, data_type: str) -> None:
    with pytest.raises(UserError, match=rf"No {precision} kernel ran \(convolutions ran in {data_type}\)"):
        check(precision, ran(data_type))


@pytest.mark.usefixtures("with_bf16")
def test_bf16_is_refused_where_onednn_emulated_it_for_all_that_the_cpu_has() -> None:
    with pytest.raises(UserError, match=r"bf16 was emulated.*ran in AVX-512\).*ONEDNN_MAX_CPU_ISA"):
        check("bf16", ran("emulated bf16"))


def test_bf16_is_refused_on_a_cpu_without_it_whatever_the_kernels_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "of_this_machine", lambda: {"isa_flags": ["asimd", "sve"]})
    assert not kernels.is_native("bf16")
    with pytest.raises(UserError, match="bf16 was emulated"):
        check("bf16", ran("bf16", "Arm Compute Library"))
    with pytest.raises(UserError, match="No bf16 kernel ran"):
        check("bf16", ran("f32"))


def test_no_convolution_at_all_is_no_result() -> None:
    with pytest.raises(UserError, match="no convolution at all"):
        check("fp32", KernelShares(0, 0.0, {}, {}, {}))
