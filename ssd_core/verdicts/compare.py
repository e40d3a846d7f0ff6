"""Compare: is B slower than A, faster, neither, or are the samples too noisy to say?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ssd_core.errors import UserError
from ssd_core.stats.autocorrelation import autocorrelation_time
from ssd_core.stats.bootstrap import estimate, interval, of_error
from ssd_core.stats.control import controlled
from ssd_core.stats.observed import Observed
from ssd_core.stats.samples import Samples
from ssd_core.stats.sequential import share_of_errors
from ssd_core.stats.steadiness import CONFIDENCE, LEAST_SAMPLES, change_point

LIMIT = 0.03  # the largest slowdown that passes: three times the width of a median's interval; 5 % is found, A/A passes
U_TEST_P = 0.01  # two-sided: the U-test alone would call one A/A pair in 200 slower, whatever the noise
NOISE_FLOOR = 0.01  # an interval within 1 % either way is never called noisy, however small the limit
WORTH_TELLING = 0.02  # of the CPUs' time; less that other programs take goes without saying
BASELINE, THIS_RUN = "the baseline", "this run"  # the names of the two results in a reason


class Verdict(StrEnum):
    """The result of a comparison."""

    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    NO_CHANGE = "no change shown"
    TOO_NOISY = "too noisy to tell"
    INCOMPARABLE = "incomparable"
    MISSING = "missing"
    NEW = "new"


@dataclass(frozen=True)
class Comparison:
    """B over A: the ratio, its 95 % interval and the test's p-value (None if missing), the verdict and its reason."""

    ratio: float | None
    low: float | None
    high: float | None
    p_value: float | None
    verdict: Verdict
    reason: str


def compare_controlled(a: Sequence[Observed], b: Sequence[Observed], limit: float = LIMIT, look: int = 1) -> Comparison:
    """The same as `compare`, of the durations as they would be on a machine that does not change.

    The effect that the yardstick shows is removed, or else that of other programs. How uncertain it is widens the
    interval. With the yardstick, a change of level within a series does not widen it.
    """
    both = controlled(a, b)
    comparison = compare(both.a, both.b, limit, both.spread, look, machine_moves=both.yardstick is None)
    told = []
    if max(both.a_share, both.b_share) >= WORTH_TELLING:
        told.append(
            f"other programs took {both.a_share:.0%} of the CPUs in {BASELINE} and {both.b_share:.0%} in {THIS_RUN}"
        )
    if both.yardstick is not None:
        told.append(f"the yardstick took {abs(both.yardstick - 1):.1%} {'longer' if both.yardstick > 1 else 'less'}")
    if not told:
        return comparison
    plain = compare(_samples(a), _samples(b), limit, look=look)
    if (width := _width(comparison)) and (before := _width(plain)):
        why = "without these effects" if width < before else "as the size of these effects is uncertain,"
        told.append(f"{why} the interval is {width / before:.2f} times as wide")
    return replace(comparison, reason="; ".join([comparison.reason, ", ".join(told)]))


def compare(
    a: Samples,
    b: Samples,
    limit: float = LIMIT,
    spread: float = 0.0,
    look: int = 1,
    *,
    machine_moves: bool = True,
) -> Comparison:
    """The ratio of the median durations B/A, above 1 if B is slower, and whether it exceeds `limit`.

    The interval is the bootstrap's over processes and samples. If the `machine_moves`, it is widened by each result's
    change of level within its own series: a machine that changes so much within a run may change as much between two
    runs. `spread` is a further standard deviation of the ratio's logarithm. After the first `look` at growing samples
    the interval is that of 99 %, and the test is stricter as well. UserError for a negative limit.
    """
    check_limit(limit)
    errors = share_of_errors(look)
    ratio, low, high = interval([(1, estimate(b.arrays)), (-1, estimate(a.arrays)), (1, of_error(spread))], errors)
    drifts = {BASELINE: drift(a), THIS_RUN: drift(b)} if machine_moves else {}
    allowance = math.exp(sum(drifts.values()))
    comparison = decide(ratio, low / allowance, high * allowance, limit, u_test(a, b), U_TEST_P * errors)
    if min(a.count, b.count) < LEAST_SAMPLES:
        return too_few(ratio, min(a.count, b.count), comparison.p_value)
    moved = [f"{side} moved by {math.expm1(size):.1%} while it was measured" for side, size in drifts.items() if size]
    later = [f"this is look {look}, so the interval is that of {1 - (1 - CONFIDENCE) * errors:.0%}"] if look > 1 else []
    reason = "; ".join([comparison.reason, *moved, *later])
    return Comparison(ratio, comparison.low, comparison.high, comparison.p_value, comparison.verdict, reason)


def decide(
    ratio: float,
    low: float,
    high: float,
    limit: float,
    p_value: float | None = None,
    p_limit: float = U_TEST_P,
    *,
    more_is_better: bool = False,
) -> Comparison:
    """The verdict on a ratio B/A and its interval; the test of a given `p_value` has to agree.

    `more_is_better`: for speed-ups, shares and the like, where a smaller ratio is worse.
    """
    least, most = (1 / high, 1 / low) if more_is_better else (low, high)  # bounds of how many times as bad B is
    either_way = math.sqrt(most / least) - 1
    agrees = p_value is None or p_value < p_limit
    interval = f"{describe(ratio)} [{describe(low)} to {describe(high)}]"
    if least > 1 + limit or most < 1 / (1 + limit):
        verdict = Verdict.REGRESSION if least > 1 + limit else Verdict.IMPROVEMENT
        reason = f"{interval}, wholly beyond {limit:.1%}"
        if not agrees:
            verdict = Verdict.TOO_NOISY
            reason += f", but the rank test does not agree (p = {p_value:.2g}): take more steps"
    elif most > 1 + limit and either_way > max(limit, NOISE_FLOOR):
        verdict = Verdict.TOO_NOISY
        reason = f"{interval}, too wide for a limit of {limit:.1%}: take more steps or processes on a quieter machine"
    else:
        verdict = Verdict.NO_CHANGE
        reason = f"{interval}, not shown to be beyond {limit:.1%}"
    return Comparison(ratio, low, high, p_value, verdict, reason)


def few(samples: int) -> str:
    """Why there is no interval."""
    noun = "sample" if samples == 1 else "samples"
    return f"{samples} {noun} cannot bound a median: take at least {LEAST_SAMPLES} (--steps)"


def too_few(ratio: float, samples: int, p_value: float | None = None) -> Comparison:
    """The comparison of a result with fewer than LEAST_SAMPLES samples: a ratio without interval, too noisy to tell."""
    return Comparison(ratio, None, None, p_value, Verdict.TOO_NOISY, few(samples))


def u_test(a: Samples, b: Samples) -> float:
    """The two-sided p-value of the Mann-Whitney U-test, on block medians if samples are autocorrelated."""
    from scipy.stats import mannwhitneyu  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    first, second = _independent(a), _independent(b)
    if np.ptp(np.concatenate([first, second])) == 0:  # for which SciPy 1.18 gives NaN
        return 1.0
    return float(mannwhitneyu(first, second, alternative="two-sided").pvalue)


def drift(samples: Samples) -> float:
    """How far the median may have moved within a process, as a logarithm; mean over processes, 0 for no movement.

    A significant change of level counts in full if it halves the series, and less if it affects fewer samples.
    """
    moves = []
    for series in samples.arrays:
        change = change_point(series)
        minority = min(change.index, len(series) - change.index) / len(series)
        moves.append(abs(math.log1p(change.shift)) * 2 * minority if change.certain else 0.0)
    return float(np.mean(moves))


def describe(ratio: float) -> str:
    """A ratio as a signed percentage: 1.05 is +5.0 %."""
    return f"{ratio - 1:+.1%}"


def check_limit(limit: float) -> float:
    """`limit` itself; UserError when it is negative or not a number."""
    if not (math.isfinite(limit) and limit >= 0):
        raise UserError(f"A limit of {limit} means nothing: give the largest slowdown that passes, as 0.03 for 3 %.")
    return limit


def _width(comparison: Comparison) -> float | None:
    """Of the interval, as a logarithm; None without one."""
    if comparison.low is None or comparison.high is None:
        return None
    return math.log(comparison.high / comparison.low)


def _samples(series: Sequence[Observed]) -> Samples:
    return Samples.of(*(one.durations_ns for one in series))


def _independent(samples: Samples) -> NDArray[np.float64]:
    return np.concatenate([_block_medians(series) for series in samples.arrays])


def _block_medians(series: NDArray[np.int64]) -> NDArray[np.float64]:
    length = autocorrelation_time(series).block
    whole = len(series) // length * length
    medians: NDArray[np.float64] = np.median(series[:whole].reshape(-1, length), axis=1)
    return medians
