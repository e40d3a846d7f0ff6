"""Each figure has one definition: the table, `compare` and the ledger give the same number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.results.schema import result_of
from ssd_core.stats.figures import images_per_second, median_ms
from ssd_core.stats.samples import Samples
from ssd_core.verdicts.report import value_of
from ssd_core.verdicts.series import series_figure

SERIES = st.lists(st.lists(st.integers(1_000_000, 10**10), min_size=6, max_size=30), min_size=1, max_size=3)
ROUNDING = 1e-12  # a mean of logarithms and its exponential: a few float64 operations, each off by 1.1e-16


@given(processes=SERIES, batch_size=st.integers(1, 8))
def test_the_ledger_judges_what_the_table_shows(processes: list[list[int]], batch_size: int) -> None:
    samples = Samples.of(*processes)
    median = series_figure("max_median_ms", processes, batch_size)
    rate = series_figure("min_images_per_second", processes, batch_size)
    assert median is not None
    assert rate is not None
    assert median.value == pytest.approx(median_ms(samples), rel=ROUNDING)
    assert rate.value == pytest.approx(images_per_second(samples, batch_size), rel=ROUNDING)


@given(processes=SERIES)
def test_compare_shows_what_the_table_shows(processes: list[list[int]]) -> None:
    info = {"kind": "latency", "precision": "int8", "batch_size": 1, "samples_ns": processes}
    assert value_of(result_of("here", {"extra_info": info})) == median_ms(Samples.of(*processes))


def test_of_one_process_they_are_the_plain_ones() -> None:
    durations = np.array([10, 30, 20, 1000]) * 1_000_000
    samples = Samples.of(durations)
    assert median_ms(samples) == pytest.approx(25, rel=ROUNDING)
    assert images_per_second(samples, 8) == pytest.approx(8 * 4 / 1.06, rel=ROUNDING)


def test_of_several_processes_they_are_geometric_means() -> None:
    samples = Samples.of([10_000_000] * 3, [40_000_000] * 5)
    assert median_ms(samples) == pytest.approx(20, rel=ROUNDING)
    assert images_per_second(samples, 1) == pytest.approx(50, rel=ROUNDING)
