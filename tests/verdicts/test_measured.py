"""The results of a run so far."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.coco import resample
from ssd_core.coco.matches import CategoryMatches, Matches
from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.verdicts.judgement import Figure
from ssd_core.verdicts.ledger import MEASURE, Outcome
from ssd_core.verdicts.measured import Measured
from tests.examples import examples
from tests.typed_results import accuracy, timed

STARTED = datetime(2026, 3, 4, 5, 6, 7)
HITS = st.lists(st.booleans(), min_size=5, max_size=5)


def measured() -> Measured:
    return Measured(Path("output"), STARTED)


def matches(hits: list[bool]) -> Matches:
    """One object in each image, and whether the one detection there hits it at every threshold."""
    images = len(hits)
    true = np.array([hits] * 10)
    category = CategoryMatches(3, np.arange(images, dtype=np.int32), true, ~true & False, np.ones(images, np.int32))
    return Matches(np.arange(images), (category,))


def test_files_are_named_by_the_second_that_the_run_started() -> None:
    assert measured().stamp == "20260304_050607"


def test_results_are_kept_in_the_order_they_came_and_the_newest_of_a_case_counts() -> None:
    run = measured()
    old, new = timed(steady=True), timed(steady=False)
    run.by_test |= {"a": old, "b": timed("fp32"), "c": new}
    assert [result.precision for result in run.results] == ["int8", "fp32", "int8"]
    assert run.of(old.case) is new
    assert run.of(Case("throughput", "int8", 1, 1, 2)) is None


def test_a_case_is_found_whatever_its_result_does_not_depend_on() -> None:
    run = measured()
    run.by_test["a"] = accuracy()
    assert run.of(Case("accuracy", "int8", 1, 1, 1)) is run.by_test["a"]


def test_a_test_that_runs_again_has_neither_result_nor_verdict() -> None:
    run = measured()
    for subject in ("latency int8", "latency fp32"):
        run.ledger.ask(subject, MEASURE)
        run.ledger.end(subject, MEASURE, Outcome.KEPT, "measured")
        run.by_test[subject] = timed()
    run.reopen("latency int8", "latency int8")
    run.reopen("unknown", "unknown")  # its first run
    assert list(run.by_test) == ["latency fp32"]
    assert run.ledger.open_of("latency int8") == [MEASURE]
    assert run.ledger.open_of("latency fp32") == []


def test_the_loss_of_ap_needs_both_on_the_same_images() -> None:
    run = measured()
    assert run.ap_loss("int8") is None
    run.matches["int8"] = matches([True] * 5)
    assert run.ap_loss("int8") is None
    run.matches["fp32"] = matches([True] * 4)
    with pytest.raises(UserError, match="of other images or annotations"):
        run.ap_loss("int8")


@examples(20)
@given(HITS, HITS)
def test_the_loss_of_ap_is_fp32s_less_the_other_within_its_interval(reference: list[bool], own: list[bool]) -> None:
    run, turned = measured(), measured()
    run.matches |= {"fp32": matches(reference), "int8": matches(own)}
    turned.matches |= {"fp32": matches(own), "int8": matches(reference)}
    loss, gain = run.ap_loss("int8"), turned.ap_loss("int8")
    assert loss is not None
    assert gain is not None
    assert loss.low <= loss.value <= loss.high
    assert loss.value == pytest.approx(-gain.value)


def test_what_detects_nothing_loses_all_of_the_ap() -> None:
    run = measured()
    run.matches |= {"fp32": matches([True] * 5), "int8": matches([False] * 5)}
    loss = run.ap_loss("int8")
    assert loss is not None
    assert [loss.low, loss.value, loss.high] == pytest.approx([1.0] * 3)


@pytest.mark.parametrize(
    ("ends", "widened"), [((0.2, 0.3), (0.1, 0.3)), ((-0.1, 0.0), (-0.1, 0.1)), ((0.0, 0.2), (0.0, 0.2))]
)
def test_an_interval_that_misses_the_loss_is_widened_to_hold_it(
    monkeypatch: pytest.MonkeyPatch, ends: tuple[float, float], widened: tuple[float, float]
) -> None:
    """The bootstrap's interval is the mirror image of its quantiles, so that a skew can leave the value outside."""
    monkeypatch.setattr(resample, "ap_loss_interval", lambda *_: resample.Interval(0.1, *ends))
    run = measured()
    run.matches |= {"fp32": matches([True] * 5), "int8": matches([True] * 5)}
    assert run.ap_loss("int8") == Figure(0.1, *widened)
