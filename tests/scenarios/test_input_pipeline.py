"""The input pipeline alone, on a worker of fixed durations."""

from pathlib import Path

import pytest

from ssd_core.results.case import Case
from ssd_core.scenarios.input_pipeline import InputPipeline
from tests.scenarios.contexts import ContextMaker


def test_each_batch_is_a_step(context: ContextMaker, noise_records: Path) -> None:
    case = Case("input_pipeline", "data", 8, 1, 2)
    result = InputPipeline(case, context(records=noise_records, steps=4, warmup_steps=1)).measure()
    assert result.case == case
    assert result.samples_ns == [[16_000_000] * 4]  # the stand-in's 2 ms an image
    assert result.images_per_second == pytest.approx(500)
    assert result.data is not None
    assert (result.data.kind, result.data.images) == ("records", 5)
    assert result.yardstick is None
