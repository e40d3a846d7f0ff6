"""Tables of a history: what a line says."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.output.history_tables import history_tables, trend
from ssd_core.results.history import acknowledge, read_history
from ssd_core.verdicts.history import judge
from tests.saved_history import commit, latency, write_history, write_run

AT, COUNT = 25, 40


def stepped(seed: int = 1, factor: float = 1.05) -> list[float]:
    ms = 20 * np.exp(0.002 * np.random.default_rng(seed).standard_normal(COUNT))
    ms[AT:] *= factor
    return [float(one) for one in ms]


@given(values=st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=200))
def test_a_trend_has_a_bar_a_part_from_the_lowest_to_the_highest(values: list[float]) -> None:
    bars = trend(values)
    assert len(bars) == min(24, len(values))
    assert set(bars) <= set("▁▂▃▄▅▆▇█")
    assert "▁" in bars
    if len(values) <= 24 and max(values) > min(values):
        assert bars[int(np.argmax(values))] == "█"


def test_a_series_is_a_line_and_so_is_a_step(tmp_path: Path) -> None:
    history = read_history(write_history(tmp_path, stepped()))
    series, steps = history_tables(history, judge(history.series))
    (row,) = series.rows
    assert row[:2] == ["latency int8-batch1-intra2", str(COUNT)]
    assert dict(zip(series.header, row, strict=True))["last step"] == f"{steps.rows[0][3]} at {commit(AT)[:9]}"
    (step,) = steps.rows
    assert step[1:3] == [f"{commit(AT - 1)[:9]}..{commit(AT)[:9]}", "2026-01-26"]
    assert step[-2:] == ["code", "open"]
    assert series.notes == [f"{tmp_path}: {COUNT} runs"]


def test_a_step_says_why_it_is_not_open(tmp_path: Path) -> None:
    acknowledge(read_history(write_history(tmp_path, stepped())), "latency *", commit(AT), "exact now")
    history = read_history(tmp_path)
    assert (
        history_tables(history, judge(history.series, history.acknowledged))[1].rows[0][-1] == "acknowledged: exact now"
    )
    better = read_history(write_history(tmp_path / "better", stepped(factor=0.9)))
    assert history_tables(better, judge(better.series))[1].rows[0][-1] == "better"
    machine = [1.0] * AT + [1.05] * (COUNT - AT)
    slower = read_history(write_history(tmp_path / "machine", stepped(), yardsticks=machine))
    assert history_tables(slower, judge(slower.series))[1].rows[0][-2:] == ["machine", "of the machine"]


def test_what_is_left_out_and_what_differs_is_told(tmp_path: Path) -> None:
    write_history(tmp_path, stepped(factor=1.0)[:6])
    write_run(tmp_path / "other.json", 9, [latency(20.0)], identity={"kernel": "6.2"})
    (tmp_path / "damaged.json").write_text("{")
    acknowledge(read_history(tmp_path), "latency *", commit(9), "of a run that is gone")
    (tmp_path / "other.json").rename(tmp_path / "other.txt")
    write_run(tmp_path / "another.json", 10, [latency(20.0)], identity={"kernel": "6.2"})
    history = read_history(tmp_path)
    notes = " ".join(history_tables(history, judge(history.series))[0].notes)
    assert "No step was found." in notes
    assert "(2) differs from latency int8-batch1-intra2 (1) in kernel (6.2 -> 6.1)" in notes
    assert "7 runs, 1 files left out:" in notes
    assert "damaged.json is truncated" in notes
    assert f"The commit {commit(9)} is acknowledged (of a run that is gone), and no run is of it." in notes
