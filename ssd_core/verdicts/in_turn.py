"""Verdicts on figures measured in turn: a case and its variant, int8 and fp32, a case and the yardstick."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ssd_core.errors import UserError
from ssd_core.stats.bootstrap import Estimate, estimate, interval, of_error
from ssd_core.stats.interleaved import LEAST_ROUNDS, Interleaved
from ssd_core.stats.sequential import differs, t_interval
from ssd_core.verdicts.compare import LIMIT, U_TEST_P, Comparison, Verdict, check_limit, decide, describe
from ssd_core.verdicts.judgement import Figure, Finding, judge

LEAST_PAIRS = 3  # of workers: fewer do not show how much one pair's ratio differs from another's
PAIR_SPREAD = 0.02  # its standard deviation, until then; processes of the demo differ by 1.7 % (docs/gating.md)


def figure_of(*terms: tuple[int, Estimate], scale: float = 1.0) -> Figure:
    """exp of the signed sum of independent estimates, times `scale`, with its 95 % interval."""
    value, low, high = (scale * end for end in interval(terms))
    return Figure(value, min(low, value), max(high, value))


def judge_in_turn(limit: str, bound: float, run: Interleaved, scale: float = 1.0) -> Finding:
    """B's time divided by A's, times `scale`, compared with a limit.

    For kept or broken, the interval must agree with one of two tests over the rounds: Wilcoxon's signed-rank test
    (p < 0.01, two-sided), which needs `LEAST_ROUNDS` rounds, or Student's at the small level of this look. So a clear
    case is decided after a few rounds, and looking again and again causes few errors.
    """
    from scipy.stats import wilcoxon  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    ratios = run.ratios * scale
    beyond = np.log(ratios) - math.log(bound) if bound > 0 else np.ones(len(ratios))
    if len(ratios) < LEAST_ROUNDS:
        return judge(limit, bound, _of_few(ratios), sure=differs(beyond))
    sure = bool(np.any(beyond)) and float(wilcoxon(beyond).pvalue) < U_TEST_P
    return judge(limit, bound, figure_of((1, estimate([ratios]))), sure=sure or differs(beyond))


def _of_few(ratios: NDArray[np.float64]) -> Figure:
    if len(ratios) < 2:
        return Figure.exact(float(ratios[0]))
    value, low, high = t_interval(np.log(ratios))
    return Figure(value, min(low, value), max(high, value))


def clear(logs: NDArray[np.float64], limit: float = LIMIT) -> bool:
    """Whether this look shows that the ratio, whose logarithms `logs` [rounds] are, is beyond the limit either way."""
    beyond = abs(float(logs.mean())) - math.log1p(limit)
    return beyond > 0 and differs(logs - math.copysign(math.log1p(limit), float(logs.mean())))


def compare_until_clear(pairs: Sequence[Interleaved], limit: float = LIMIT) -> Comparison:
    """Whether B is slower than A by more than `limit`, by less, or too noisy to tell; each pair of workers was new.

    Other than in a gate, a change that is not shown is not enough: the whole interval of the ratio has to lie on one
    side of the limit, and Wilcoxon's test over the rounds has to agree. The interval is the bootstrap's over pairs and
    rounds. So few pairs do not show how much pairs differ: `PAIR_SPREAD` is then assumed.
    """
    from scipy.stats import wilcoxon  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    rounds = [pair.ratios for pair in pairs]
    beyond = np.log(np.concatenate(rounds)) - math.log1p(limit)
    p_value = float(wilcoxon(beyond).pvalue) if np.any(beyond) else 1.0
    assumed = of_error(PAIR_SPREAD / math.sqrt(len(pairs)) if len(pairs) < LEAST_PAIRS else 0.0)
    ratio, low, high = interval([(1, estimate(rounds)), (1, assumed)])
    side = "beyond" if low > 1 + limit else "below" if high < 1 + limit else ""
    told = f"{describe(ratio)} [{describe(low)} to {describe(high)}] by {len(pairs)} pairs of workers"
    if not side or p_value >= U_TEST_P:
        return Comparison(
            ratio, low, high, p_value, Verdict.TOO_NOISY, f"{told}, not clearly on one side of {limit:.1%}"
        )
    verdict = Verdict.REGRESSION if side == "beyond" else Verdict.NO_CHANGE
    return Comparison(ratio, low, high, p_value, verdict, f"{told}, wholly {side} {limit:.1%}")


def compare_interleaved(workers: Sequence[Interleaved], limit: float = LIMIT) -> Comparison:
    """The median ratio B/A over the rounds of every pair of workers, its bootstrap interval, and the verdict.

    Wilcoxon's signed-rank test replaces the U-test, because rounds are pairs. Of fewer rounds than it needs, a ratio
    that is clearly beyond the limit is judged by Student's interval. UserError for no pair of workers and a negative
    limit.
    """
    from scipy.stats import wilcoxon  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    check_limit(limit)
    if not workers:
        raise UserError("There are no interleaved samples: measure at least one pair of workers.")
    rounds = [pair.ratios for pair in workers]
    logs = np.log(np.concatenate(rounds))
    p_value = float(wilcoxon(logs).pvalue) if np.any(logs) else 1.0
    ratio, low, high = interval([(1, estimate(rounds))])
    if len(logs) < LEAST_ROUNDS and clear(logs, limit):
        return decide(*t_interval(logs), limit)
    if len(logs) < LEAST_ROUNDS:
        reason = f"{len(logs)} rounds cannot reach p < {U_TEST_P}: take at least {LEAST_ROUNDS}"
        return Comparison(ratio, None, None, p_value, Verdict.TOO_NOISY, reason)
    return decide(ratio, low, high, limit, p_value)
