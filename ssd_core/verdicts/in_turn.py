"""Limits between two things that were measured in turn: int8 and fp32, a case and the yardstick."""

import math

import numpy as np
from scipy.stats import wilcoxon

from ssd_core.stats.bootstrap import Estimate, estimate, interval
from ssd_core.stats.interleaved import LEAST_ROUNDS, Interleaved
from ssd_core.verdicts.compare import U_TEST_P
from ssd_core.verdicts.judgement import Figure, Finding, judge


def figure_of(*terms: tuple[int, Estimate], scale: float = 1.0) -> Figure:
    """exp of the signed sum of independent estimates, times `scale`, with its 95 % interval."""
    value, low, high = (scale * end for end in interval(terms))
    return Figure(value, min(low, value), max(high, value))


def judge_in_turn(limit: str, bound: float, run: Interleaved, scale: float = 1.0) -> Finding:
    """B's time over A's, times `scale`, held against a limit.

    Kept or broken needs the interval and Wilcoxon's signed-rank test (p < 0.01, two-sided) over the rounds to agree,
    so that looking several times costs few errors. Below `LEAST_ROUNDS` rounds the test cannot.
    """
    ratios = run.ratios * scale
    figure = figure_of((1, estimate([ratios])))
    beyond = np.log(ratios) - math.log(bound) if bound > 0 else np.ones(len(ratios))
    sure = len(ratios) >= LEAST_ROUNDS and bool(np.any(beyond)) and float(wilcoxon(beyond).pvalue) < U_TEST_P
    return judge(limit, bound, figure, sure=sure)
