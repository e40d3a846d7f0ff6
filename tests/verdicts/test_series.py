from collections.abc import Sequence

import numpy as np
import pytest

from ssd_core.stats.percentiles import samples_needed
from ssd_core.verdicts.series import series_figure
from tests.simulated import lognormal

SERIES = lognormal(np.random.default_rng(1), 700, noise=0.05, centre_ns=20e6).tolist()


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("max_median_ms", np.median(SERIES) * 1e-6),
        ("max_p99_ms", np.quantile(SERIES, 0.99) * 1e-6),
        ("max_p99_over_p50", np.quantile(SERIES, 0.99) / np.median(SERIES)),
        ("min_images_per_second", 8 / (np.mean(SERIES) * 1e-9)),
    ],
)
def test_a_figure_is_that_of_the_samples_within_its_interval(limit: str, value: float) -> None:
    figure = series_figure(limit, [SERIES], images_a_step=8)
    assert figure is not None
    assert figure.value == pytest.approx(value, rel=1e-12)  # a logarithm and back: a few roundings of 1.1e-16
    assert figure.low < figure.value < figure.high


@pytest.mark.parametrize("limit", ["max_p99_ms", "max_p99_over_p50"])
@pytest.mark.parametrize("processes", [[SERIES[:661]], [SERIES[:300], SERIES[300:600]]])
def test_too_few_samples_carry_no_p99(limit: str, processes: Sequence[Sequence[float]]) -> None:
    assert series_figure(limit, processes, 1) is None
    assert series_figure(limit, [SERIES[: samples_needed(99)]], 1) is not None


def test_steps_that_all_last_the_same_have_an_interval_of_no_width() -> None:
    figure = series_figure("max_median_ms", [[5_000_000] * 40], 1)
    assert figure is not None
    assert figure.low == figure.value == figure.high == pytest.approx(5.0)
