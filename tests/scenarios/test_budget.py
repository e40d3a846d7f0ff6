"""The two budgets: what a quick run spends less of."""

from dataclasses import fields

import pytest

from ssd_core.scenarios.budget import FULL, QUICK, SeriesBudget


def test_both_have_the_same_kinds() -> None:
    assert FULL.series.keys() == QUICK.series.keys()


@pytest.mark.parametrize("kind", FULL.series)
def test_a_quick_series_takes_no_longer(kind: str) -> None:
    full, quick = FULL.series[kind], QUICK.series[kind]
    assert quick.time_limit_s < full.time_limit_s
    assert quick.reach_s <= full.reach_s


@pytest.mark.parametrize("name", [field.name for field in fields(FULL) if field.name != "relative_width"])
def test_a_quick_run_spends_less_of_everything(name: str) -> None:
    full, quick = getattr(FULL, name), getattr(QUICK, name)
    if isinstance(full, int | float) and not isinstance(full, bool):
        assert quick is None or 0 < quick < full


def test_only_a_quick_run_leaves_images_out() -> None:
    assert FULL.accuracy_images is None
    assert QUICK.accuracy_images == 8
    assert (FULL.quick, QUICK.quick) == (False, True)


def test_a_series_has_time_for_its_useful_samples() -> None:
    assert all(isinstance(one, SeriesBudget) and one.reach_s >= one.time_limit_s for one in FULL.series.values())
