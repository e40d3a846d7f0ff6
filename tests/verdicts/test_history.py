"""The verdicts on a history: whose a step is, and which steps down nobody has acknowledged."""

from pathlib import Path

import numpy as np
import pytest

from ssd_core.results.history import Acknowledgement, History, acknowledge, read_history
from ssd_core.results.point import Figure
from ssd_core.stats.steps import LEAST_POINTS
from ssd_core.verdicts.history import Source, judge
from tests.saved_history import START, commit, write_history, write_run
from tests.typed_results import accuracy

COUNT, AT = 40, 25


def levels(*steps: tuple[int, float], seed: int = 1) -> list[float]:
    """20 ms with 0.5 % noise; from each place on, times a factor."""
    ms = 20 * np.exp(0.005 * np.random.default_rng(seed).standard_normal(COUNT))
    for place, factor in steps:
        ms[place:] *= factor
    return [float(one) for one in ms]


def history_of(folder: Path, medians: list[float], yardsticks: list[float] | None = None) -> History:
    return read_history(write_history(folder, medians, yardsticks=yardsticks or ()))


def test_a_step_of_the_code_is_named_by_its_commits(tmp_path: Path) -> None:
    history = history_of(tmp_path, levels((AT, 1.05)))
    (one,) = judge(history.series)
    (change,) = one.changes
    assert change.before.commit == commit(change.step.first - 1)
    assert change.after.commit == commit(change.step.last)
    assert change.step.first <= AT <= change.step.last
    assert (change.source, change.worse, change.open) == (Source.CODE, True, True)
    assert change.low <= 1.05 <= change.high
    assert one.newest_open is change
    assert one.since_step == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("slower", "machine", "source", "is_open"),
    [
        (1.05, 1.05, Source.MACHINE, False),
        (1.20, 1.05, Source.BOTH, True),
        (1.05, 0.95, Source.CODE, True),
        (1.05, 1.0, Source.CODE, True),
    ],
)
def test_the_yardstick_tells_whose_a_step_is(
    tmp_path: Path, slower: float, machine: float, source: Source, is_open: bool
) -> None:
    noise = np.exp(0.005 * np.random.default_rng(2).standard_normal(COUNT))
    yardsticks = [float(one) * (machine if number >= AT else 1.0) for number, one in enumerate(noise)]
    (one,) = judge(history_of(tmp_path, levels((AT, slower)), yardsticks).series)
    assert [(change.source, change.open) for change in one.changes] == [(source, is_open)]


def test_a_yardstick_that_few_runs_have_tells_nothing(tmp_path: Path) -> None:
    history = history_of(tmp_path, levels((AT, 1.05)))
    for number in range(AT + LEAST_POINTS - 2, COUNT):
        path = tmp_path / f"{number:04}.json"
        path.write_text(path.read_text().replace('"median_ms":1.0', '"median_ms":0.0'))
    (one,) = judge(read_history(tmp_path).series)
    assert [change.source for change in one.changes] == [Source.UNKNOWN]
    assert history.runs == COUNT


def test_an_acknowledged_step_is_closed_and_no_other(tmp_path: Path) -> None:
    history = history_of(tmp_path, levels((12, 1.05), (AT, 1.05)))
    acknowledge(history, "latency *", commit(AT), "the new decoder")
    history = read_history(tmp_path)
    (one,) = judge(history.series, history.acknowledged)
    assert [change.open for change in one.changes] == [True, False]
    assert one.changes[1].acknowledged == history.acknowledged[0]
    assert one.newest_open is one.changes[0]
    (other,) = judge(history.series, [Acknowledgement("throughput *", commit(AT), "no such case", "")])
    assert [change.open for change in other.changes] == [True, True]


def test_a_step_down_that_was_made_up_for_is_closed(tmp_path: Path) -> None:
    (back,) = judge(history_of(tmp_path / "back", levels((12, 1.05), (AT, 1 / 1.06))).series)
    assert [(change.worse, change.open) for change in back.changes] == [(True, False), (False, False)]
    (half,) = judge(history_of(tmp_path / "half", levels((12, 1.08), (AT, 1 / 1.03))).series)
    assert [(change.worse, change.open) for change in half.changes] == [(True, True), (False, False)]


def test_fewer_points_than_a_step_needs_are_no_step(tmp_path: Path) -> None:
    for after in (LEAST_POINTS - 1, LEAST_POINTS):
        (one,) = judge(history_of(tmp_path / str(after), levels((COUNT - after, 1.2))).series)
        assert len(one.changes) == (after == LEAST_POINTS)


def test_what_is_since_a_date_is_judged_with_the_runs_before(tmp_path: Path) -> None:
    series = history_of(tmp_path, levels((12, 1.05), (AT, 1.05))).series
    (one,) = judge(series, since=START.timestamp() + AT * 86400)
    assert (len(one.points), len(one.changes), one.changes[0].step.index) == (COUNT - AT, 1, AT)
    assert judge(series, since=START.timestamp() + COUNT * 86400) == ()


def test_a_lower_ap_is_a_step_down_and_a_higher_one_is_not(tmp_path: Path) -> None:
    for number in range(20):
        ap = 0.53 if number < 8 else 0.51 if number < 14 else 0.55
        write_run(tmp_path / f"{number}.json", number, [accuracy("int8", ap)])
    (one,) = judge(read_history(tmp_path).series)
    assert one.series.figure is Figure.AP
    assert [(change.step.index, change.worse) for change in one.changes] == [(8, True), (14, False)]
