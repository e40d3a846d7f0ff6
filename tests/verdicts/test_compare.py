import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.stats.autocorrelation import UNCORRELATED, autocorrelation_time
from ssd_core.stats.control import FOLLOWS
from ssd_core.stats.observed import Observed
from ssd_core.stats.samples import Samples
from ssd_core.verdicts.compare import LIMIT, Verdict, compare, compare_controlled, decide, describe, drift, u_test
from tests.examples import examples
from tests.rounding import UNIT64
from tests.simulated import drifting, lognormal


def pair(seed: int, slowdown: float, noise: float = 0.02, count: int = 200) -> tuple[Samples, Samples]:
    generator = np.random.default_rng(seed)
    a = lognormal(generator, count, noise=noise)
    return Samples.of(a), Samples.of(lognormal(generator, count, noise=noise, centre_ns=20e6 * (1 + slowdown)))


@pytest.mark.parametrize(
    ("slowdown", "verdict"),
    [(0.0, Verdict.NO_CHANGE), (0.08, Verdict.REGRESSION), (-0.08, Verdict.IMPROVEMENT), (0.015, Verdict.NO_CHANGE)],
)
def test_verdicts(slowdown: float, verdict: Verdict) -> None:
    found = compare(*pair(1, slowdown))
    assert found.verdict is verdict
    # Medians of 200 at 2 % noise: 0.02 * 1.253 * sqrt(2 / 200) = 0.0025, of which these are four.
    assert found.ratio == pytest.approx(1 + slowdown, abs=0.01)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1 + slowdown < found.high
    assert found.reason.startswith(describe(found.ratio or 0))


def test_too_much_noise_for_the_limit_is_said() -> None:
    a, b = pair(2, 0.0, noise=0.3, count=50)
    found = compare(a, b)
    assert found.verdict is Verdict.TOO_NOISY
    assert "too wide for a limit of 3.0%" in found.reason
    assert compare(a, b, limit=0.5).verdict is Verdict.NO_CHANGE


def test_the_limit_decides() -> None:
    a, b = pair(3, 0.06)
    assert compare(a, b, limit=0.02).verdict is Verdict.REGRESSION
    assert compare(a, b, limit=0.10).verdict is Verdict.NO_CHANGE


def test_five_samples_bound_nothing() -> None:
    found = compare(Samples.of([100] * 5), Samples.of([200] * 50))
    assert (found.verdict, found.low, found.high) == (Verdict.TOO_NOISY, None, None)
    assert found.ratio == pytest.approx(2)
    assert "5 samples" in found.reason


def test_a_level_that_moves_while_measured_widens_the_interval() -> None:
    generator = np.random.default_rng(4)
    a = drifting(generator, 300, wander=0.0, slope=0.06)
    b = drifting(generator, 300, wander=0.0, slope=0.06, centre_ns=20e6 * math.exp(0.06))  # the same drift goes on
    found = compare(Samples.of(a), Samples.of(b))
    assert found.verdict is Verdict.TOO_NOISY
    assert "the baseline moved by 3." in found.reason
    assert "this run moved by 3." in found.reason
    # Halves of 150 samples, whose noise and slope are 2.2 % together: 0.022 * 1.253 * sqrt(2 / 150) = 0.0032; four.
    assert drift(Samples.of(a)) == pytest.approx(0.03, abs=0.013)
    assert drift(Samples.of(lognormal(generator, 300))) == 0


def test_twice_as_slow_is_found_even_so() -> None:
    generator = np.random.default_rng(5)
    a, b = (drifting(generator, 300, slope=0.1, centre_ns=centre) for centre in (20e6, 40e6))
    assert compare(Samples.of(a), Samples.of(b)).verdict is Verdict.REGRESSION


def test_several_processes_that_differ_are_no_regression() -> None:
    generator = np.random.default_rng(6)
    a, b = (
        Samples.of(*(lognormal(generator, 100, centre_ns=20e6 * factor) for factor in factors))
        for factors in ((0.97, 1.0, 1.03), (1.02, 1.05, 1.08))
    )
    assert compare(a, b).verdict is Verdict.TOO_NOISY
    one, other = (Samples.of(generator.permutation(np.concatenate(side.arrays))) for side in (a, b))
    assert compare(one, other, limit=0.02).verdict is Verdict.REGRESSION  # taken for one process, they would be


def test_the_u_test_is_scipys() -> None:
    a, b = pair(8, 0.004)
    assert (
        autocorrelation_time(np.concatenate(a.arrays)) == autocorrelation_time(np.concatenate(b.arrays)) == UNCORRELATED
    )
    reference = scipy.stats.mannwhitneyu(np.concatenate(a.arrays), np.concatenate(b.arrays), alternative="two-sided")
    assert compare(a, b).p_value == u_test(a, b) == reference.pvalue


def test_the_u_test_takes_remembering_samples_by_the_block() -> None:
    generator = np.random.default_rng(9)
    a, b = (Samples.of(drifting(generator, 600, noise=0.002, dwell=10)) for _ in range(2))
    plain = scipy.stats.mannwhitneyu(np.concatenate(a.arrays), np.concatenate(b.arrays)).pvalue
    assert u_test(a, b) > plain


def test_the_u_test_has_to_agree() -> None:
    assert decide(1.2, 1.1, 1.3, LIMIT, 0.001).verdict is Verdict.REGRESSION
    disagreeing = decide(1.2, 1.1, 1.3, LIMIT, 0.2)
    assert disagreeing.verdict is Verdict.TOO_NOISY
    assert "p = 0.2" in disagreeing.reason


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.031, 1.05, Verdict.REGRESSION),
        (1.029, 1.05, Verdict.NO_CHANGE),  # narrow enough, but not wholly beyond
        (1.00, 1.10, Verdict.TOO_NOISY),
        (0.80, 1.029, Verdict.NO_CHANGE),  # wide, but no slowdown beyond the limit is left
        (0.90, 0.97, Verdict.IMPROVEMENT),
        (0.90, 0.98, Verdict.NO_CHANGE),
    ],
)
def test_the_interval_decides(low: float, high: float, verdict: Verdict) -> None:
    middle = math.sqrt(low * high)
    assert decide(middle, low, high, 0.03).verdict is verdict
    mirrored = decide(1 / middle, 1 / high, 1 / low, 0.03, more_is_better=True)
    assert mirrored.verdict is verdict
    assert (mirrored.ratio, mirrored.low, mirrored.high) == (1 / middle, 1 / high, 1 / low)


@given(st.floats(0.2, 5), st.floats(1, 2), st.floats(1, 2), st.floats(0, 1))
def test_a_regression_lies_wholly_beyond_the_limit(ratio: float, below: float, above: float, limit: float) -> None:
    found = decide(ratio, ratio / below, ratio * above, limit)
    assert (found.verdict is Verdict.REGRESSION) == (ratio / below > 1 + limit)
    assert (found.verdict is Verdict.IMPROVEMENT) == (ratio * above < 1 / (1 + limit))


@examples(20)
@given(st.integers(0, 10**6), st.floats(-0.5, 0.5))
def test_swapping_the_sides_turns_the_comparison(seed: int, slowdown: float) -> None:
    a, b = pair(seed, slowdown, count=60)
    forward, backward = compare(a, b), compare(b, a)
    assert forward.ratio is not None
    # exp of a logarithm below 1 and of its negative.
    assert backward.ratio == pytest.approx(1 / forward.ratio, rel=8 * UNIT64)
    assert backward.p_value == pytest.approx(forward.p_value)
    # Sides are resampled anew, so that ends, and verdicts near the limit, may differ. A fifth is 36 standard errors of
    # the ratio (0.02 * 1.253 * sqrt(2 / 60) = 0.0046) beyond the limit, more than the widest interval takes.
    if abs(slowdown) > 0.2:
        verdicts = (Verdict.REGRESSION, Verdict.IMPROVEMENT)
        assert (forward.verdict, backward.verdict) == (verdicts if slowdown > 0 else verdicts[::-1])


def test_equal_durations_are_equal() -> None:
    found = compare(Samples.of([7] * 20), Samples.of([7] * 30))
    assert (found.verdict, found.ratio, found.p_value) == (Verdict.NO_CHANGE, 1, 1)


@pytest.mark.parametrize("limit", [-0.01, float("nan"), float("inf")])
def test_impossible_limits_are_refused(limit: float) -> None:
    with pytest.raises(UserError, match="limit"):
        compare(*pair(10, 0), limit=limit)


def controlled(seed: int, busy: float, slower: float = 0.0) -> Observed:
    """A run of 40 chunks; a neighbour takes 40 % of the CPUs in the part `busy` of them, which costs 40 %."""
    generator = np.random.default_rng(seed)
    shares = np.where(generator.random(40) < busy, 0.4, 0.0)
    logs = math.log1p(slower) + np.repeat(shares, 10) + 0.01 * generator.standard_normal(400)
    return Observed((20e6 * np.exp(logs)).astype(np.int64), list(range(10, 401, 10)), shares.tolist())


def test_a_neighbour_of_one_run_is_no_slowdown_and_hides_none() -> None:
    quiet, beside, slower = controlled(1, 0.0), controlled(2, 0.25), controlled(3, 0.25, slower=0.2)
    assert compare_controlled([quiet], [beside]).verdict is not Verdict.REGRESSION
    found = compare_controlled([quiet], [slower])
    assert found.verdict is Verdict.REGRESSION
    assert found.ratio == pytest.approx(1.2, abs=0.02)
    assert found.reason.count("other programs took 0% of the CPUs in the baseline and ") == 1
    assert "the interval is 0." in found.reason


def test_without_a_neighbour_the_comparison_is_the_plain_one() -> None:
    a, b = controlled(4, 0.0), controlled(5, 0.0, slower=0.08)
    assert compare_controlled([a], [b]) == compare(Samples.of(a.durations_ns), Samples.of(b.durations_ns))


def test_processes_are_controlled_together() -> None:
    a, b = [controlled(seed, 0.3) for seed in (1, 2, 3)], [controlled(seed, 0.3, slower=0.2) for seed in (4, 5, 6)]
    assert compare_controlled(a, b).verdict is Verdict.REGRESSION
    assert compare_controlled(a, a).verdict is not Verdict.REGRESSION


def test_a_neighbour_that_was_there_all_the_time_in_one_run_is_no_regression() -> None:
    quiet = controlled(8, 0.0)
    slow = controlled(9, 0.0, slower=0.3)  # by what the neighbour takes
    beside = Observed(slow.durations_ns, slow.ends, [0.4] * 40)
    assert compare(Samples.of(quiet.durations_ns), Samples.of(slow.durations_ns)).verdict is Verdict.REGRESSION
    found = compare_controlled([quiet], [beside])
    assert found.verdict is Verdict.TOO_NOISY
    assert "as the size of these effects is uncertain, the interval is" in found.reason


def on_a_machine(yardstick_ns: int, ms: float, seed: int) -> Observed:
    """A run of steps of `ms` between runs of the yardstick."""
    generator = np.random.default_rng(seed)
    durations = (ms * 1e6 * np.exp(0.01 * generator.standard_normal(400))).astype(np.int64)
    return Observed(durations, [400], [0.0], list(range(0, 400, 5)), [yardstick_ns] * 80)


def test_a_machine_that_was_slower_is_no_regression_and_hides_none() -> None:
    before, same = on_a_machine(2_000_000, 20.0, 1), on_a_machine(2_080_000, 20.8, 2)
    assert compare(Samples.of(before.durations_ns), Samples.of(same.durations_ns)).verdict is Verdict.REGRESSION
    unchanged = compare_controlled([before], [same])
    assert unchanged.verdict is not Verdict.REGRESSION
    assert unchanged.ratio == pytest.approx(1.0, abs=0.005)
    assert "; the yardstick took 4.0% longer" in unchanged.reason
    faster = on_a_machine(1_920_000, 20.0, 3)  # a slowdown of 3 % or 4 % that a faster machine hides
    slower = compare_controlled([before], [on_a_machine(1_920_000, 21.2, 4)])
    assert slower.verdict is Verdict.REGRESSION
    assert slower.ratio == pytest.approx(1.06 * (1 / 0.96) ** FOLLOWS, rel=0.005)
    assert compare_controlled([before], [faster]).ratio == pytest.approx((1 / 0.96) ** FOLLOWS, rel=0.005)


def test_a_later_look_is_stricter() -> None:
    a, b = pair(200, 0.035)
    first, later = (compare(a, b, look=look) for look in (1, 2))
    assert first.low is not None
    assert later.low is not None
    assert later.low < first.low
    assert later.ratio == first.ratio
    assert later.reason.endswith("; this is look 2, so the interval is that of 99%")
