"""How fast do images arrive? Reading, decoding, resizing and batching alone, with no network behind them."""

import pytest

from fixtures.images import Records
from fixtures.inference import InputPipeline
from fixtures.recorder import WORKER_CLOCK, Recorder, runs_on
from ssd_core.results.case import Case

pytestmark = [pytest.mark.measures("input_pipeline"), pytest.mark.benchmark(group="input", timer=WORKER_CLOCK)]


def test_input_pipeline(case: Case, input_pipeline: InputPipeline, records: Records, record: Recorder) -> None:
    input_pipeline.feed(records)
    record.series(input_pipeline.measure(), data=records.describe(), **runs_on(input_pipeline.status()))
