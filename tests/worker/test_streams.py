"""Streams of fake calls: what a step is, what is left out, errors, and that threads end."""

import gc
import itertools
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from ssd_core.backends.protocol import Call, Images
from ssd_core.worker import streams as module
from ssd_core.worker.streams import Streams
from tests.worker.conftest import PATIENCE_S, wait_for

MS = 1_000_000
IMAGES: Images = np.zeros((1, 300, 300, 3), np.float32)


@pytest.fixture(autouse=True)
def _all_threads_end() -> Iterator[None]:
    before = set(threading.enumerate())  # of which some may be ending
    yield
    assert set(threading.enumerate()) <= before
    assert gc.isenabled()


def sleeping(seconds: float) -> Call:
    def call(images: Images) -> list[Images]:
        time.sleep(seconds)
        return [images]

    return call


def test_a_step_is_a_batch_of_each_stream_side_by_side() -> None:
    running = Streams([sleeping(0.02)] * 4, lambda: IMAGES)
    durations = running.run(5, delay_ms=0)
    running.pause()
    assert durations.dtype == np.int64
    assert len(durations) == 5
    # 20 batches after the first round: 4 streams that take 20 ms each finish that many in 4 * 20 ms at the soonest.
    assert durations.sum() >= 4 * 20 * MS


def test_batches_of_whichever_stream_make_a_step() -> None:
    ahead = threading.Event()
    done = [0, 0]

    def slow(images: Images) -> list[Images]:
        assert done[0] == 0 or ahead.wait(PATIENCE_S), "a slow stream does not hold the other up"
        done[0] += 1
        return []

    def quick(images: Images) -> list[Images]:
        done[1] += 1
        if done[1] == 80:
            ahead.set()
        return []

    running = Streams([slow, quick], lambda: IMAGES)
    assert len(running.run(50, delay_ms=0)) == 50
    running.pause()
    assert sum(done) >= 2 + 100, "the first round, and two batches a step"


def test_the_first_round_is_left_out_and_steps_go_on_without_a_gap_until_paused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readings = itertools.count()  # a clock that moves by one with each batch, and with each call of run
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter_ns=lambda: next(readings), sleep=time.sleep))
    made: list[int] = []

    def call(images: Images) -> list[Images]:
        time.sleep(0.001)
        made.append(1)
        return []

    running = Streams([call, call], lambda: IMAGES)
    assert running.run(10, delay_ms=0).tolist() == [2] * 10
    assert len(made) >= 22, "one round more than was asked for"
    wait_for(lambda: len(made) >= 100)  # while nobody asks
    meanwhile = running.run(30, delay_ms=0)
    assert sorted(meanwhile.tolist())[:29] == [2] * 29
    assert meanwhile.sum() <= 61, "without a gap, but for the clock's own step when run ended"
    running.pause()
    assert running.run(3, delay_ms=0).tolist() == [2] * 3, "what was made before a pause is forgotten"
    running.pause()


def test_images_are_fetched_by_one_stream_at_a_time() -> None:
    inside = threading.Lock()
    fetched = []

    def next_images() -> Images:
        assert inside.acquire(blocking=False), "another stream is in here"
        time.sleep(0.0005)
        fetched.append(1)
        inside.release()
        return IMAGES

    running = Streams([sleeping(0.0001)] * 4, next_images)
    running.run(20, delay_ms=0)
    running.pause()
    assert len(fetched) >= 80


def test_a_delay_is_in_what_is_timed() -> None:
    running = Streams([sleeping(0)] * 2, lambda: IMAGES)
    assert running.run(4, delay_ms=20).sum() >= 3 * 20 * MS  # 8 batches of 2 streams, as above
    running.pause()


@pytest.mark.parametrize("after", [0, 7])
def test_an_error_ends_all_streams_and_is_raised_and_they_can_start_again(after: int) -> None:
    alone = set(threading.enumerate())
    count = itertools.count()
    broken = [True]

    def failing(images: Images) -> list[Images]:
        if next(count) >= after and broken[0]:
            raise ValueError("the first of them")
        return []

    running = Streams([failing, sleeping(0.001), sleeping(0.001)], lambda: IMAGES)
    with pytest.raises(ValueError, match="the first of them"):
        running.run(100_000, delay_ms=0)
    assert set(threading.enumerate()) <= alone
    broken[0] = False
    assert len(running.run(3, delay_ms=0)) == 3
    running.pause()


def test_an_error_while_nobody_asks_is_raised_when_steps_are_asked_for() -> None:
    broken = threading.Event()
    failed = threading.Event()

    def failing(images: Images) -> list[Images]:
        time.sleep(0.001)
        if broken.is_set():
            failed.set()
            raise ValueError("meanwhile")
        return []

    running = Streams([failing, failing], lambda: IMAGES)
    running.run(2, delay_ms=0)
    broken.set()
    failed.wait(PATIENCE_S)
    with pytest.raises(ValueError, match="meanwhile"):
        running.run(100_000, delay_ms=0)


def test_an_error_of_the_feed_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def dry() -> Images:
        raise StopIteration("no more")

    with pytest.raises(StopIteration):
        Streams([sleeping(0)] * 2, dry).run(1, delay_ms=0)


def test_streams_that_nobody_asks_for_end_by_themselves_and_start_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_UNASKED_NS", 20 * MS)
    running = Streams([sleeping(0.001)] * 2, lambda: IMAGES)
    running.run(2, delay_ms=0)
    wait_for(lambda: not any(thread.is_alive() for thread in running._threads))
    assert len(running.run(3, delay_ms=0)) == 3
    running.pause()


def test_pausing_what_does_not_run_does_nothing() -> None:
    running = Streams([sleeping(0)] * 2, lambda: IMAGES)
    running.pause()
    running.pause()
