"""Each figure has one definition: the table, `compare` and the ledger give the same number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.results.run import result_of
from ssd_core.stats.figures import images_per_second, latency_ms, median_ms, percentile_ms
from ssd_core.stats.samples import Samples
from ssd_core.verdicts.report import value_of
from ssd_core.verdicts.series import series_figure
from tests.simulated import lognormal

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


def test_a_percentile_appears_with_its_last_sample() -> None:
    series = lognormal(np.random.default_rng(1), 662)
    assert percentile_ms(Samples.of(series[:661]), 99) is None
    assert percentile_ms(Samples.of(series), 99) == pytest.approx(np.percentile(series.round(), 99) / 1e6, rel=ROUNDING)
    for count, carried in ((662, 4), (661, 3), (129, 2), (10, 0)):
        assert (
            list(latency_ms(Samples.of(series[:count]))) == ["count", "mean", "p50", "p90", "p95", "p99"][: 2 + carried]
        )
    assert latency_ms(Samples.of([3_000_000])) == pytest.approx({"count": 1, "mean": 3.0}, rel=ROUNDING)


def test_a_p99_of_several_processes_is_the_one_that_the_ledger_judges() -> None:
    generator = np.random.default_rng(3)
    processes = [lognormal(generator, 400, centre_ns=ns).round().tolist() for ns in (10e6, 13e6)]
    judged = series_figure("max_p99_ms", processes, 1)
    assert judged is not None
    assert latency_ms(Samples.of(*processes))["p99"] == pytest.approx(judged.value, rel=ROUNDING)
