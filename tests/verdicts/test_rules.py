"""The gate on recorded series of a shared machine: few false alarms, and more slowdowns found than before."""

import math
import sys
from collections import Counter

import numpy as np
import pytest

from ssd_core.stats.control import Observed
from ssd_core.stats.samples import Samples
from ssd_core.verdicts.compare import Comparison, compare, compare_controlled
from tests.verdicts import rules
from tests.verdicts.rules import SHARES, Recorded, Rule, Said, corpus, ours, ours_without_control, pairs, table


@pytest.fixture(scope="module")
def runs() -> list[Recorded]:
    return corpus()


def width(comparison: Comparison) -> float:
    assert comparison.low is not None
    assert comparison.high is not None
    return math.log(comparison.high / comparison.low)


def test_the_corpus_is_whole(runs: list[Recorded]) -> None:
    assert Counter(run.condition for run in runs) == {"shared": 24, "bursts": 24, "memory": 24}
    assert Counter(run.slower for run in runs) == {0.0: 36, 0.03: 9, 0.05: 9, 0.1: 9, 0.2: 9}
    assert all(run.series.whole and run.seconds > 5 for run in runs)
    assert sum(1 for _ in pairs(runs, 0.0)) == 3 * 12 * 11


def test_a_neighbour_makes_few_alarms_and_hides_less_than_it_did(runs: list[Recorded]) -> None:
    equal = rules.counts(ours, runs, 0.0)
    assert equal[Said.SLOWER] <= 0.01 * equal.total()
    for slower in (0.05, 0.2):
        now, before = (rules.counts(rule, runs, slower) for rule in (ours, ours_without_control))
        assert now[Said.SLOWER] > before[Said.SLOWER]
        assert now[Said.UNDECIDED] < before[Said.UNDECIDED]


def test_the_interval_beside_a_neighbour_is_half_as_wide_in_the_median(runs: list[Recorded]) -> None:
    widths = []
    for a, b in list(pairs([run for run in runs if run.condition != "shared"], 0.0))[::8]:
        plain = compare(Samples.of(a.series.durations_ns), Samples.of(b.series.durations_ns))
        controlled = compare_controlled([a.series], [b.series])
        widths.append(width(controlled) / width(plain))
        assert "other programs took" in controlled.reason
    assert np.median(widths) <= 0.5


def test_the_table_has_a_row_a_rule(runs: list[Recorded], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "corpus", lambda: runs[:2])  # one of them is not slowed down
    one = table({"always": lambda *_: Said.SLOWER, "never sure": lambda *_: Said.UNDECIDED})
    assert len(one.header) == len(SHARES) + 2
    of_ten_percent = [row[1 + SHARES.index(0.1)] for row in one.rows]
    assert of_ten_percent == ["1 of 1", "0 of 1"]
    assert [row[-1] for row in one.rows] == ["0%", "100%"]


@pytest.mark.parametrize("rule", [rules.pytest_benchmark, rules.github_action_benchmark])
def test_rules_of_others_that_need_no_package(rule: Rule, runs: list[Recorded]) -> None:
    series = runs[0].series
    slow = Observed(series.durations_ns * 3, series.ends, series.shares)
    assert (rule(series, series), rule(series, slow)) == (Said.FINE, Said.SLOWER)


@pytest.mark.parametrize("rule", [rules.asv, rules.pyperf])
def test_a_missing_package_is_a_sentence(rule: Rule, runs: list[Recorded], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("asv", "asv_runner", "asv_runner.statistics", "pyperf", "pyperf._utils"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SystemExit, match=r"is not installed here: run `pipx run tox -e rules`"):
        rule(runs[0].series, runs[1].series)
