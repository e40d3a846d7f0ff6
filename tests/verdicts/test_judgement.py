import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.verdicts.judgement import Figure, Finding, judge, settle
from ssd_core.verdicts.ledger import Outcome
from ssd_core.verdicts.limits import LIMITS

JUDGED = tuple(name for name in LIMITS if name != "max_slowdown")  # which a comparison decides
NOISY = Finding(Outcome.TOO_NOISY, "speed-up is 2 [1 to 3]")


@pytest.mark.parametrize("limit", JUDGED)
@given(
    bound=st.floats(0.01, 100.0),
    value=st.floats(0.01, 100.0),
    below=st.floats(0, 50.0),
    above=st.floats(0, 50.0),
)
def test_a_limit_is_kept_or_broken_where_the_whole_interval_is_on_one_side(
    limit: str, bound: float, value: float, below: float, above: float
) -> None:
    figure = Figure(value, value - below, value + above)
    outcome = judge(limit, bound, figure).outcome
    if limit.startswith("min_"):
        wanted = {figure.low >= bound: Outcome.KEPT, figure.high < bound: Outcome.BROKEN}
    else:
        wanted = {figure.high <= bound: Outcome.KEPT, figure.low > bound: Outcome.BROKEN}
    assert outcome is wanted.get(True, Outcome.TOO_NOISY)
    assert judge(limit, bound, figure, sure=False).outcome is Outcome.TOO_NOISY
    assert judge(limit, bound, None).outcome is Outcome.NOT_JUDGED


def test_a_figure_at_its_limit_keeps_it() -> None:
    for limit in JUDGED:
        assert judge(limit, 1.5, Figure.exact(1.5)).outcome is Outcome.KEPT


def test_a_finding_gives_the_figures() -> None:
    assert judge("min_speedup", 2.5, Figure(3.621, 3.55, 3.7)) == Finding(
        Outcome.KEPT, "speed-up over fp32 is 3.62 [3.55 to 3.70], at least 2.5 is asked", Figure(3.621, 3.55, 3.7)
    )
    assert judge("max_p99_ms", 50, Figure.exact(61.25)) == Finding(
        Outcome.BROKEN, "p99 is 61.25 ms, at most 50 ms is asked", Figure.exact(61.25)
    )
    assert judge("min_speedup", 2.5, None) == Finding(
        Outcome.NOT_JUDGED,
        "speed-up over fp32 is not known, at least 2.5 is asked: measure fp32 in the same run (--precision fp32,int8)",
    )


@pytest.mark.parametrize("figure", [(1.0, 2.0, 3.0), (3.0, 1.0, 2.0), (math.nan, 0.0, 1.0), (1.0, math.nan, 2.0)])
def test_a_value_outside_of_its_interval_is_refused(figure: tuple[float, float, float]) -> None:
    with pytest.raises(UserError, match="lies outside of its interval"):
        Figure(*figure)


class Measuring:
    """Looks that are noisy until the `clear`-th; each measurement takes two seconds."""

    def __init__(self, clear: int, first: Finding = NOISY) -> None:
        self.measured = 0
        self._clear = clear
        self._first = first

    def look(self) -> Finding:
        return Finding(Outcome.KEPT, "clear") if self.measured >= self._clear else self._first

    def on(self) -> None:
        self.measured += 1

    def clock(self) -> float:
        return 2.0 * self.measured


@pytest.mark.parametrize("first", [NOISY, Finding(Outcome.NOT_JUDGED, "p99 is not known")])
def test_it_measures_on_until_it_is_clear(first: Finding) -> None:
    measuring = Measuring(3, first)
    assert settle(measuring.look, measuring.on, 60, measuring.clock) == Finding(Outcome.KEPT, "clear")
    assert measuring.measured == 3


def test_what_is_clear_is_not_measured_again() -> None:
    measuring = Measuring(0)
    assert settle(measuring.look, measuring.on, 60, measuring.clock).outcome is Outcome.KEPT
    assert measuring.measured == 0


@pytest.mark.parametrize(("budget_s", "times"), [(0, 0), (1, 1), (9, 5), (60, 30)])
def test_the_seconds_bound_how_long_it_measures_on(budget_s: float, times: int) -> None:
    measuring = Measuring(1000)
    finding = settle(measuring.look, measuring.on, budget_s, measuring.clock)
    assert finding.outcome is Outcome.TOO_NOISY
    assert measuring.measured == times
    assert ("not clear after" in finding.reason) == (times > 0)
