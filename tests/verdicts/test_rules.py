"""The gate on recorded series of a shared machine: few false alarms, and more slowdowns found than before."""

import math
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ssd_core.stats.observed import Observed
from ssd_core.verdicts.compare import Comparison, compare, compare_controlled
from tests.verdicts import rules
from tests.verdicts.rules import (
    HELD_OUT,
    SHARES,
    Recorded,
    Rule,
    Said,
    corpus,
    ours,
    ours_without_control,
    pairs,
    table,
)


@pytest.fixture(scope="module")
def runs() -> list[Recorded]:
    return corpus()


def width(comparison: Comparison) -> float:
    assert comparison.low is not None
    assert comparison.high is not None
    return math.log(comparison.high / comparison.low)


def test_the_corpus_is_whole(runs: list[Recorded]) -> None:
    conditions = Counter(run.condition for run in runs)
    assert set(conditions) == {"shared", "bursts", "memory"}
    assert all(count >= 8 for count in conditions.values())
    assert all(run.series.whole and run.series.has_level and run.seconds > 11 for run in runs)


def test_a_pair_is_of_two_runs_beside_the_same_neighbour(runs: list[Recorded]) -> None:
    a, b = runs[0], runs[1]
    assert a.condition == b.condition
    other = replace(b, condition="another")
    (first, second) = list(pairs([a, b, other], 0.2))
    assert first[0] is a
    assert second[0] is b
    assert (first[1].durations_ns == (b.durations_ns * 1.2).astype(np.int64)).all()


def test_a_machine_that_changes_makes_fewer_alarms_than_before(runs: list[Recorded]) -> None:
    now, before = (rules.counts(rule, runs, 0.0) for rule in (ours, ours_without_control))
    assert now[Said.SLOWER] <= 0.03 * now.total()
    assert now[Said.SLOWER] <= before[Said.SLOWER] / 2


def test_the_machines_changes_hide_less_than_they_did(runs: list[Recorded]) -> None:
    now, before = (rules.counts(rule, runs[::2], 0.2) for rule in (ours, ours_without_control))
    assert now[Said.SLOWER] > before[Said.SLOWER]
    assert now[Said.UNDECIDED] < before[Said.UNDECIDED]


def test_the_interval_is_half_as_wide_in_the_median(runs: list[Recorded]) -> None:
    ratios = []
    for a, b in list(pairs(runs, 0.0))[::8]:
        controlled = compare_controlled([a.series], [b.series])
        ratios.append(width(controlled) / width(compare(a.plain, b.plain)))
        assert "the yardstick took" in controlled.reason
    assert np.median(ratios) <= 0.5


def test_runs_recorded_after_the_constants_were_chosen_raise_no_alarm() -> None:
    held_out = corpus(HELD_OUT)
    assert Counter(run.condition for run in held_out) == {"shared": 12, "bursts": 12}
    equal, slower = (rules.counts(ours, held_out, share) for share in (0.0, 0.2))
    assert equal[Said.SLOWER] == 0
    assert slower[Said.SLOWER] >= 0.95 * slower.total()


def test_the_table_has_a_row_a_rule(runs: list[Recorded]) -> None:
    one = table(runs[:2], {"always": lambda *_: Said.SLOWER, "never sure": lambda *_: Said.UNDECIDED})
    assert len(one.header) == len(SHARES) + 3
    of_ten_percent = [row[1 + SHARES.index(0.1)] for row in one.rows]
    assert of_ten_percent == ["2 of 2", "0 of 2"]
    assert [row[-2] for row in one.rows] == ["0%", "100%"]


@pytest.mark.parametrize("rule", [rules.pytest_benchmark, rules.github_action_benchmark])
def test_rules_of_others_that_need_no_package(rule: Rule, runs: list[Recorded]) -> None:
    one = runs[0].series
    slow = replace(runs[0], series=Observed(one.durations_ns * 3, one.ends, one.shares))
    assert (rule(runs[0], runs[0]), rule(runs[0], slow)) == (Said.FINE, Said.SLOWER)


@pytest.mark.parametrize("rule", [rules.asv, rules.pyperf])
def test_a_missing_package_is_a_sentence(rule: Rule, runs: list[Recorded], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("asv", "asv_runner", "asv_runner.statistics", "pyperf", "pyperf._utils"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SystemExit, match=r"is not installed here: run `pipx run tox -e rules`"):
        rule(runs[0], runs[1])
