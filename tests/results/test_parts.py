"""The parts of a result, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.results.parts import Interval, Marks, Neighbours, Yardstick

MS = 1_000_000
NETWORK, YARDSTICK = 34_360_351_232, 3_406_823_424  # multiplications of an image, and of the yardstick
DURATIONS = st.lists(st.integers(MS, 100 * MS), min_size=1, max_size=9)


def test_share_and_drift_by_hand() -> None:
    around = Yardstick.of([10 * MS, 30 * MS, 20 * MS], [30 * MS, 90 * MS, 30 * MS])
    assert around.drift == 1.5  # 20 ms before, 30 ms after
    # The yardstick takes 30 ms in the middle, the network 500 ms for an image: 34.36 G / 500 ms over 3.407 G / 30 ms.
    assert around.share([500 * MS, 400 * MS, 900 * MS], 1) == pytest.approx(NETWORK / 500 / (YARDSTICK / 30))
    assert around.share([500 * MS], 8) == pytest.approx(8 * NETWORK / 500 / (YARDSTICK / 30))
    assert around.share([500 * MS], 1) == pytest.approx(0.605, abs=0.001)
    assert around.median_ms == pytest.approx(30)
    assert around.multiply_adds_per_second == pytest.approx(YARDSTICK / 0.03)


def test_two_processes_yardsticks_are_taken_together() -> None:
    both = Yardstick.of([1], [2, 3]).joined(Yardstick.of([4, 5], [6]))
    assert (both.before_ns, both.after_ns) == ([1, 4, 5], [2, 3, 6])


def test_each_process_keeps_its_own_marks() -> None:
    first, second = Marks([0, 3], [5, 6]), Marks([2], [7])
    both = Yardstick.of([1], [2], [first]).joined(Yardstick.of([3], [4], [second]))
    assert both.within == [first, second]
    assert both.median_ms == Yardstick.of([1, 3], [2, 4]).median_ms


@pytest.mark.parametrize(("ends", "shares"), [([1], []), ([2, 1], [0.5, 0.5])])
def test_chunks_that_do_not_follow_one_another_are_refused(ends: list[int], shares: list[float]) -> None:
    with pytest.raises(ValueError, match="impossible"):
        Neighbours(ends, shares)


@pytest.mark.parametrize(("places", "durations_ns"), [([1], []), ([2, 1], [5, 5])])
def test_marks_without_their_places_are_refused(places: list[int], durations_ns: list[int]) -> None:
    with pytest.raises(ValueError, match="impossible"):
        Marks(places, durations_ns)


@given(DURATIONS, DURATIONS, DURATIONS, st.integers(1, 64), st.integers(2, 9))
def test_the_share_does_not_depend_on_how_fast_the_machine_is(
    before: list[int], after: list[int], run: list[int], batch: int, slower: int
) -> None:
    fast = Yardstick.of(before, after)
    slow = Yardstick.of([slower * ns for ns in before], [slower * ns for ns in after])
    assert slow.share([slower * ns for ns in run], batch) == pytest.approx(fast.share(run, batch))
    assert slow.share(run, batch) == pytest.approx(slower * fast.share(run, batch))
    assert fast.share(run, 2 * batch) == pytest.approx(2 * fast.share(run, batch))
    assert slow.drift == pytest.approx(fast.drift)


@pytest.mark.parametrize(
    "ends", [(1.0, 2.0, 3.0), (-1.0, -2.0, 0.0), (1.0, 0.5, float("inf")), (1.0, float("nan"), 2.0)]
)
def test_an_impossible_interval_is_refused(ends: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="impossible"):
        Interval(*ends)
