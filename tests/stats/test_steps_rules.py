"""The table of steps: each rule sees the same series, and a missing package is a sentence."""

import sys

import numpy as np
import pytest

from tests.stats import steps_rules
from tests.stats.steps_rules import CASES, POINTS, despiked, otava, ours, share, table


def test_the_table_has_a_row_a_rule() -> None:
    one = table({"never": lambda series: [[] for _ in series], "last": lambda series: [[POINTS - 4]] * len(series)}, 5)
    assert one.header == ["rule", *CASES]
    assert list(one.rows[0]) == ["never", *["0.0%"] * len(CASES)]
    assert list(one.rows[1]) == ["last", "100.0%", "0.0%", "100.0%", "100.0%", "0.0%"]


def test_ours_is_what_the_history_does() -> None:
    assert share(ours, 40, step=0.05, after=20) >= 0.9
    assert share(ours, 40) <= 0.05


def test_a_spike_is_moved_to_its_neighbours_and_a_step_is_not() -> None:
    logs = np.r_[0.01 * np.random.default_rng(1).standard_normal(30), np.full(30, 1.0)]
    logs[10] += 0.5
    assert np.flatnonzero(np.abs(despiked(logs) - logs) > 0.1).tolist() == [10]


def test_a_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "otava", None)
    monkeypatch.setitem(sys.modules, "otava.analysis", None)
    with pytest.raises(SystemExit, match="otava is not installed here: run `pipx run tox -e otava`"):
        steps_rules.share(otava, 1)
