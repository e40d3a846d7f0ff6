"""A case and its variant, in turn, on a worker of fixed durations."""

from collections.abc import Sequence

import numpy as np
import pytest

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.scenarios.against import Against, _settled
from ssd_core.scenarios.interleaved import InterleavedRun
from tests.scenarios.contexts import ContextMaker

CASE = Case("against", "int8", 1, 1, 2)


def test_a_case_that_is_slower_than_its_variant_is_a_regression(context: ContextMaker) -> None:
    slowed = context({"ms": {"int8": 10.0}, "noise": 0.001}, steps=40, warmup_steps=1, against=("delay=5",))
    result = Against(CASE, slowed).measure()
    assert result.against.verdict == "regression"
    assert result.against.ratio == pytest.approx(1.5, rel=0.01)
    assert result.against.rounds == 10
    assert result.warmup_steps == 1
    assert result.case.variant == "delay=5"
    assert result.images_per_second == pytest.approx(1000 / 15, rel=0.01), "the case's own steps"


@pytest.mark.parametrize(("variant", "seconds"), [("delay=2", 8), ("env=A=1", None)])
def test_a_clear_slowdown_ends_early(context: ContextMaker, variant: str, seconds: float | None) -> None:
    """20 % in 8 s of measuring; without a slowdown it goes on until the ratio is known."""
    result = Against(CASE, context({"ms": {"int8": 10.0}, "noise": 0.02}, against=(variant,))).measure()
    taken_s = 1e-9 * sum(result.samples_ns[0] + [ns for block in result.against.samples_ns for ns in block])
    if seconds is None:
        assert (result.against.verdict, result.against.rounds >= 10) == ("no change shown", True)
    else:
        assert (result.against.verdict, taken_s <= seconds) == ("regression", True)


def test_a_case_is_no_slower_than_itself(context: ContextMaker) -> None:
    result = Against(CASE, context({"noise": 0.001}, steps=40, warmup_steps=1, against=("env=A=1",))).measure()
    assert result.against.verdict == "no change shown"


class Noisy:
    """A runner of steps of about 1 ms."""

    def __init__(self, noise: float, seed: int) -> None:
        self._noise, self._generator = noise, np.random.default_rng(seed)

    def run(self, steps: int) -> Sequence[float]:
        times: list[float] = (1e6 * self._generator.lognormal(0, self._noise, steps)).tolist()
        return times


@pytest.mark.parametrize(("noise", "rounds"), [(0.005, 8), (0.6, 40)])
def test_a_pair_of_workers_is_measured_until_its_own_noise_is_small(noise: float, rounds: int) -> None:
    """It is below 1 % after eight rounds of 0.5 %, and 9 % after forty of 60 %."""
    run = InterleavedRun(Noisy(noise, 1), Noisy(noise, 2), steps=1)
    while not _settled(run):
        run.pair()
    assert run.pairs == 2 * rounds


def test_without_a_variant_there_is_nothing_to_run_against(context: ContextMaker) -> None:
    with pytest.raises(UserError, match="give --against"):
        Against(CASE, context())
