"""What the rules reach on simulated series at the default settings: false alarms, slowdowns found, coverage.

Every bound is the promise itself, not what happened to come out.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from ssd_core.stats.bootstrap import estimate, interval
from ssd_core.stats.samples import Samples
from ssd_core.stats.stopping import State, StopRule
from ssd_core.verdicts.compare import Verdict, compare
from tests.simulated import bimodal, drifting, lognormal

COUNT = 250  # samples: what the stopping rule takes of a 20 ms step in its least time
PAIRS = 1000
Maker = Callable[[np.random.Generator, float], NDArray[np.int64]]

KINDS: dict[str, tuple[Maker, ...]] = {
    "lognormal": (
        lambda g, ns: lognormal(g, COUNT, noise=0.02, centre_ns=ns),
        lambda g, ns: lognormal(g, COUNT, noise=0.10, centre_ns=ns),
        lambda g, ns: lognormal(g, COUNT, noise=0.40, centre_ns=ns),
    ),
    "drifting": (
        lambda g, ns: drifting(g, COUNT, wander=0.01, dwell=15, centre_ns=ns),
        lambda g, ns: drifting(g, COUNT, wander=0.02, dwell=40, centre_ns=ns),
        lambda g, ns: drifting(g, COUNT, wander=0.005, slope=g.uniform(-0.06, 0.06), centre_ns=ns),
    ),
    "bimodal": (
        lambda g, ns: bimodal(g, COUNT, share=0.3, centre_ns=ns),
        lambda g, ns: bimodal(g, COUNT, share=0.5, centre_ns=ns),
        lambda g, ns: bimodal(g, COUNT, share=0.3, dwell=10, centre_ns=ns),
    ),
}


def verdict(make: Maker, generator: np.random.Generator) -> Verdict:
    """Of an A/A pair."""
    return compare(Samples.of(make(generator, 20e6)), Samples.of(make(generator, 20e6))).verdict


def test_at_most_one_a_a_pair_in_a_hundred_is_called_a_regression() -> None:
    generator = np.random.default_rng(2024)
    makers = [(kind, make) for kind, makers in KINDS.items() for make in makers]
    found = Counter((kind, verdict(make, generator)) for _, (kind, make) in zip(range(PAIRS), cycle(makers)))
    for wrong in (Verdict.REGRESSION, Verdict.IMPROVEMENT):
        assert sum(found[kind, wrong] for kind in KINDS) <= 0.01 * PAIRS
        assert all(found[kind, wrong] <= 0.01 * PAIRS / len(KINDS) + 1 for kind in KINDS)
    # A rule that can never tell would have passed so far.
    assert all(found[kind, Verdict.NO_CHANGE] >= 0.3 * PAIRS / len(KINDS) for kind in KINDS)


def test_a_quiet_a_a_pair_is_not_called_noisy() -> None:
    generator = np.random.default_rng(5)
    found = Counter(verdict(KINDS["lognormal"][0], generator) for _ in range(200))
    assert found[Verdict.NO_CHANGE] >= 199


def test_nor_do_processes_that_differ_make_a_regression() -> None:
    generator = np.random.default_rng(6)

    def side() -> Samples:
        factors = np.exp(0.015 * generator.standard_normal(3))
        return Samples.of(*(lognormal(generator, 80, centre_ns=20e6 * factor) for factor in factors))

    found = Counter(compare(side(), side()).verdict for _ in range(200))
    assert found[Verdict.REGRESSION] + found[Verdict.IMPROVEMENT] <= 2
    assert found[Verdict.NO_CHANGE] >= 40


def stopped(series: NDArray[np.int64]) -> Samples:
    """As much of a series as the stopping rule takes."""
    rule, upcoming = StopRule(), iter(series.tolist())
    while rule.state is not State.DONE:
        rule.feed([next(upcoming) for _ in range(rule.wanted)])
    return Samples.of(rule.measured)


@pytest.mark.parametrize("centre_ns", [20e6, 200e6])
def test_nineteen_of_twenty_slowdowns_of_5_percent_are_found_at_2_percent_noise(centre_ns: float) -> None:
    """Both sides as long as the stopping rule makes them, for quick and for slow steps."""
    generator = np.random.default_rng(7)
    found = 0
    for _ in range(100):
        a, b = (stopped(lognormal(generator, 1600, centre_ns=ns)) for ns in (centre_ns, 1.05 * centre_ns))
        found += compare(a, b).verdict is Verdict.REGRESSION
    assert found >= 95


def assert_covered(sides: Callable[[float], list[NDArray[np.int64]]], pairs: int) -> None:
    """As often as 95 % promise, or up to 97 %: a median's interval ends at a sample, and another would have 1 % more on
    either side. Within what chance does to so many pairs, once in a thousand.
    """
    found = 0
    for _ in range(pairs):
        a, b = estimate(sides(20e6)), estimate(sides(21e6))
        _, low, high = interval([(1, b), (-1, a)])
        found += low <= 21 / 20 <= high
    assert binom.ppf(0.0005, pairs, 0.95) <= found <= binom.ppf(0.9995, pairs, 0.97)


def test_the_interval_of_the_ratio_covers_on_2000_pairs() -> None:
    generator = np.random.default_rng(11)
    noises: Iterator[float] = iter(np.tile((0.02, 0.02, 0.10, 0.10), 1000))

    def sides(centre_ns: float) -> list[NDArray[np.int64]]:
        return [lognormal(generator, 120, noise=next(noises), centre_ns=centre_ns)]

    assert_covered(sides, 2000)


def test_it_covers_over_processes_that_differ_as_well() -> None:
    generator = np.random.default_rng(12)

    def sides(centre_ns: float) -> list[NDArray[np.int64]]:
        factors = np.exp(0.01 * generator.standard_normal(5))
        return [lognormal(generator, 30, centre_ns=centre_ns * factor) for factor in factors]

    assert_covered(sides, 500)
