"""Where does the time go? Layer by layer, with the kernel that ran each and what it could have reached; --profile."""

import pytest

from fixtures.images import Records
from fixtures.profile import Profiler
from fixtures.recorder import Recorder

pytestmark = [pytest.mark.measures("profile"), pytest.mark.benchmark(group="profile")]


def test_profile(profiler: Profiler, timing_records: Records | None, record: Recorder) -> None:
    profiler.feed(timing_records)
    record.profile(profiler)
