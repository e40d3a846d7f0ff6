"""Sequential decisions: the levels of all looks together, and what they find."""

import numpy as np
import pytest
from scipy.stats import binom, ttest_1samp

from ssd_core.stats.sequential import ALPHA, FIRST_LOOK, LATER_LOOKS, LOOKS, differs, level, share_of_errors, t_interval


def test_the_levels_of_all_looks_are_at_most_alpha_together() -> None:
    levels = [level(rounds) for rounds in range(1000)]
    assert levels[:FIRST_LOOK] == [0.0] * FIRST_LOOK
    assert LOOKS[0] == FIRST_LOOK
    assert sum(levels) == pytest.approx(ALPHA)


def test_looking_at_every_round_costs_few_errors() -> None:
    generator, runs = np.random.default_rng(1), 2000
    wrong = 0
    for _ in range(runs):
        logs = 0.02 * generator.standard_normal(60)
        wrong += any(differs(logs[:rounds]) for rounds in range(2, 61))
    assert wrong <= binom.ppf(0.9995, runs, ALPHA)


def test_it_is_students_test_at_the_level_of_the_look() -> None:
    generator = np.random.default_rng(2)
    for rounds in (4, 7, 8, 22):
        for shift in (0.0, 0.02, 0.05, 0.2):
            logs = shift + 0.02 * generator.standard_normal(rounds)
            assert differs(logs) == (ttest_1samp(logs, 0.0).pvalue < level(rounds))


def test_the_interval_is_students() -> None:
    logs = np.log([1.1, 1.2, 1.15, 1.3])
    value, low, high = t_interval(logs)
    expected = ttest_1samp(logs, 0.0).confidence_interval(0.95)
    assert (value, low, high) == pytest.approx((np.exp(logs.mean()), np.exp(expected.low), np.exp(expected.high)))


def test_rounds_that_are_all_alike_are_sure() -> None:
    assert differs(np.full(4, 0.1))
    assert not differs(np.zeros(4))
    assert not differs(np.full(3, 0.1))


def test_later_looks_may_err_less() -> None:
    assert [share_of_errors(look) for look in (1, 2, 5)] == [1.0, LATER_LOOKS, LATER_LOOKS]
