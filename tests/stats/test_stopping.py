from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.stats.steadiness import enough, is_steady
from ssd_core.stats.stopping import LEAST_STEPS, LEAST_TIME_S, State, StopRule
from tests.examples import examples
from tests.simulated import bimodal, drifting, lognormal, warming


def measured(rule: StopRule, durations: Iterable[int], chunk: int | None = None) -> StopRule:
    """Feed a series as a measuring loop does: as much as the rule wants, or `chunk` at a time."""
    series = list(durations)
    while rule.state is not State.DONE:
        size = chunk or rule.wanted
        assert size >= 1
        assert series, "the rule wanted more than there was"
        rule.feed(series[:size])
        del series[:size]
    assert rule.wanted == 0
    return rule


def test_a_quiet_series_ends_when_its_median_is_known() -> None:
    series = lognormal(np.random.default_rng(1), 2000)
    rule = measured(StopRule(), series)
    assert rule.reason == "interval of the median within 1 %"
    assert rule.steady
    assert rule.warmup == ()
    assert rule.measured == tuple(series[: len(rule.measured)])
    assert enough(rule.measured)
    assert len(rule.measured) >= LEAST_STEPS
    assert LEAST_TIME_S <= sum(rule.measured) / 1e9 == rule.elapsed_s < 10


def test_the_warm_up_is_left_out() -> None:
    for seed in range(20):
        rule = measured(StopRule(), warming(np.random.default_rng(seed), 2000))
        assert rule.reason == "interval of the median within 1 %"
        assert rule.steady
        assert 6 <= len(rule.warmup) <= 100
        assert is_steady(rule.measured)
        # The interval that ended it is 1 % wide, four standard errors.
        assert np.median(rule.measured) == pytest.approx(20e6, rel=0.01)


def test_a_noisy_series_ends_at_the_time_limit() -> None:
    rule = measured(StopRule(), lognormal(np.random.default_rng(2), 5000, noise=0.3))
    assert rule.reason == "time limit"
    assert 30 <= rule.elapsed_s < 31


def test_a_series_that_never_stands_still_is_marked_and_measured_all_the_same() -> None:
    generator = np.random.default_rng(3)
    for series in (
        drifting(generator, 5000, slope=1.0),
        bimodal(generator, 5000, gap=0.3, share=0.5, dwell=60),
        lognormal(generator, 5000, noise=1.0),
    ):
        rule = measured(StopRule(), series)
        assert rule.reason == "time limit"
        assert not rule.steady
        assert len(rule.measured) > 100


def test_slow_steps_are_not_asked_for_beyond_the_time_limit() -> None:
    rule = measured(StopRule(time_limit_s=10.0), lognormal(np.random.default_rng(4), 100, centre_ns=2e9))
    assert rule.reason == "time limit"
    assert rule.elapsed_s < 14


@given(st.integers(0, 30), st.integers(1, 60), st.integers(1, 25))
def test_fixed_warm_up_and_steps_are_kept_to_the_sample(warmup: int, steps: int, chunk: int) -> None:
    series = list(range(1, 200))
    rule = measured(StopRule(warmup_steps=warmup, steps=steps), series, chunk)
    assert rule.warmup == tuple(series[:warmup])
    assert rule.measured == tuple(series[warmup : warmup + steps])
    assert rule.reason == "fixed steps"
    assert measured(StopRule(warmup_steps=warmup, steps=steps), series).measured == rule.measured


def test_fixed_steps_have_no_time_limit() -> None:
    rule = measured(StopRule(warmup_steps=0, steps=40, time_limit_s=1.0), [10**9] * 40)
    assert len(rule.measured) == 40


def test_fixed_steps_begin_where_the_warm_up_ends() -> None:
    rule = measured(StopRule(steps=50), warming(np.random.default_rng(5), 400))
    assert rule.reason == "fixed steps"
    assert len(rule.measured) == 50
    assert len(rule.warmup) >= 6


def test_fixed_steps_begin_at_half_the_time_where_nothing_is_ever_quiet() -> None:
    rule = measured(StopRule(steps=50, time_limit_s=10.0), lognormal(np.random.default_rng(6), 4000, noise=1.0))
    assert len(rule.measured) == 50
    assert not rule.steady


def test_a_fixed_warm_up_is_left_out_even_of_a_steady_series() -> None:
    series = lognormal(np.random.default_rng(7), 2000)
    rule = measured(StopRule(warmup_steps=20), series)
    assert rule.warmup == tuple(series[:20])
    assert rule.reason == "interval of the median within 1 %"


def test_percentiles_can_ask_for_their_samples() -> None:
    rule = measured(StopRule(at_least=662), lognormal(np.random.default_rng(8), 2000))
    assert 662 <= len(rule.measured) < 800
    assert rule.reason == "interval of the median within 1 %"


def test_what_is_fed_after_the_end_is_left_out() -> None:
    rule = measured(StopRule(warmup_steps=0, steps=3), [1, 2, 3])
    rule.feed([4, 5])
    assert rule.measured == (1, 2, 3)


@examples(25)
@given(st.integers(0, 10**6), st.floats(0.01, 0.5), st.integers(1, 40))
def test_it_always_ends_with_a_reason_and_samples(seed: int, noise: float, chunk: int) -> None:
    series = lognormal(np.random.default_rng(seed), 5000, noise=noise)
    rule = measured(StopRule(time_limit_s=6.0), series, chunk)
    assert rule.reason in ("interval of the median within 1 %", "time limit")
    assert rule.measured
    both = (*rule.warmup, *rule.measured)
    assert both == tuple(series[: len(both)])
    assert rule.steady == is_steady(rule.measured)


@pytest.mark.parametrize(
    "options",
    [
        {"warmup_steps": -1},
        {"steps": 0},
        {"steps": -5},
        {"time_limit_s": 0.0},
        {"time_limit_s": -1.0},
        {"time_limit_s": float("nan")},
        {"time_limit_s": float("inf")},
    ],
)
def test_impossible_settings_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UserError):
        StopRule(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("durations", [[], [0], [-1], [float("nan")]])
def test_impossible_durations_are_refused(durations: list[float]) -> None:
    with pytest.raises(UserError):
        StopRule().feed(durations)


@pytest.mark.parametrize(("step_s", "samples"), [(0.5, 20), (1.0, 6), (1.9, 4)])
def test_a_useful_number_of_samples_is_reached_if_it_fits_into_its_time(step_s: float, samples: int) -> None:
    """The time limit is 8 s, of which a step is warm-up. 12 s are enough for 20 short steps or 6 longer ones."""
    rule = StopRule(time_limit_s=8.0, reach=(6, 20), reach_s=12.0)
    measured(rule, [int(step_s * 1e9)] * 40)
    assert rule.reason == "time limit"
    assert len(rule.measured) in (samples, samples + 1)


def test_a_series_too_short_to_look_for_its_warm_up_loses_only_its_first_step() -> None:
    rule = measured(StopRule(time_limit_s=10.0), [2 * 10**9] * 9)
    assert (len(rule.warmup), len(rule.measured)) == (1, 4)
    single = measured(StopRule(time_limit_s=1.0), [2 * 10**9])
    assert (len(single.warmup), len(single.measured)) == (0, 1)
