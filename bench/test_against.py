"""Is it slower than its variant? Both in turn, A B B A, in two workers on the same machine; only with --against."""

import pytest

from fixtures.against import Duel
from fixtures.images import Records
from fixtures.recorder import WORKER_CLOCK, Recorder

pytestmark = [pytest.mark.measures("against"), pytest.mark.benchmark(group="against", timer=WORKER_CLOCK)]


def test_against(duel: Duel, timing_records: Records | None, record: Recorder) -> None:
    duel.feed(timing_records)
    record.against(duel)
