"""Is it slower than its variant? Both in turn, A B B A, in two workers on the same machine; only with --against."""

import pytest

from fixtures.against import VariantComparison
from fixtures.images import Records
from fixtures.recorder import WORKER_CLOCK, Recorder

pytestmark = [pytest.mark.measures("against"), pytest.mark.benchmark(group="against", timer=WORKER_CLOCK)]


def test_against(variant_comparison: VariantComparison, timing_records: Records | None, record: Recorder) -> None:
    variant_comparison.feed(timing_records)
    record.against(variant_comparison)
