"""Checks that the CPU really ran a case's precision."""

from ssd_core.errors import UserError
from ssd_core.machine import identity
from ssd_core.precisions import PRECISIONS
from ssd_core.profiling.kernels import EMULATED, KernelShares
from ssd_core.results.schema import Result, TimedResult


def check_kernels(result: Result) -> None:
    """Raise UserError if the CPU ran no kernel of a result's precision, or only emulated it."""
    kernels = result.onednn_kernels if isinstance(result, TimedResult) else None
    if kernels is not None:
        _check(result.precision, kernels)


def _check(name: str, kernels: KernelShares) -> None:
    if not kernels.convolutions:
        raise UserError(
            "oneDNN reports no convolution at all, so its fast kernels did not run: set TF_ENABLE_ONEDNN_OPTS=1."
        )
    precision, ran = PRECISIONS[name], kernels.by_data_type
    if f"{EMULATED} {precision.kernels}" in ran or (precision.kernels in ran and not is_native(name)):
        raise UserError(
            f"{name} was emulated, without {name} instructions (convolutions ran in {', '.join(kernels.by_isa)}), and"
            f" its figures are not those of {name}: leave it out of --precision, or unset ONEDNN_MAX_CPU_ISA where the"
            " CPU has them."
        )
    if not ran.get(precision.kernels):
        raise UserError(f"No {name} kernel ran (convolutions ran in {', '.join(ran)}): {precision.without}.")


def is_native(precision: str) -> bool:
    """Whether this CPU has instructions for a precision."""
    return PRECISIONS[precision].runs_on(identity.of_this_machine()["isa_flags"])
