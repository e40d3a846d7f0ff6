"""Steps of a session of fixed calls on a clock that the test moves: what is in a duration and what is not."""

import contextlib
import gc
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ssd_core.backends.protocol import Call, Images
from ssd_core.errors import UserError
from ssd_core.worker import steps as module
from ssd_core.worker.steps import Steps, time_input

IMAGES: Images = np.zeros((1, 2, 2, 3), np.float32)
CALL_NS, FEED_NS = 1_000, 70


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now_ns = 5

    def perf_counter_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def session(*calls: Call) -> Any:
    """Of these calls; an ArithmeticError is its failure."""

    @contextlib.contextmanager
    def failures() -> Iterator[None]:
        try:
            yield
        except ArithmeticError as error:
            raise UserError(f"It failed: {error}.") from error

    return SimpleNamespace(calls=calls, failures=failures)


@pytest.mark.parametrize("delay_ms", [0.0, 2.0])
def test_a_call_is_timed_alone_and_with_the_wait_for_its_batch(clock: Clock, delay_ms: float) -> None:
    numbers = iter(range(1, 5))

    def next_images() -> Images:
        clock.now_ns += FEED_NS
        return IMAGES

    def call(images: Images) -> list[Images]:
        assert not gc.isenabled(), "Python's collector is out of what is timed"
        clock.now_ns += next(numbers) * CALL_NS
        return [images]

    run_ns, step_ns = Steps(session(call)).run(next_images, 4, delay_ms)
    expected = [round(delay_ms * 1e6) + number * CALL_NS for number in (1, 2, 3, 4)]
    assert run_ns.tolist() == expected
    assert step_ns.tolist() == [ns + FEED_NS for ns in expected]
    assert gc.isenabled()


def test_no_steps_run_nothing(clock: Clock) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("nobody asked for it")

    run_ns, step_ns = Steps(session(never)).run(never, 0, 0.0)
    assert (len(run_ns), len(step_ns)) == (0, 0)


def test_what_fails_is_the_sessions_sentence_and_the_collector_comes_back() -> None:
    def failing(images: Images) -> list[Images]:
        raise ArithmeticError("no number")

    for calls in ((failing,), (failing, failing)):
        steps = Steps(session(*calls))
        with pytest.raises(UserError, match=r"^It failed: no number\.$"):
            steps.run(lambda: IMAGES, 3, 0.0)
        assert gc.isenabled()
        steps.pause()


def test_several_streams_run_on_until_they_are_paused() -> None:
    threads: list[int] = []

    def call(images: Images) -> list[Images]:
        threads.append(threading.get_ident())
        time.sleep(0.0005)
        return [images]

    steps = Steps(session(call, call, call))
    alone = threading.active_count()
    for _ in range(2):
        run_ns, step_ns = steps.run(lambda: IMAGES, 4, 0.0)
        assert run_ns is step_ns
        assert len(step_ns) == 4
    assert threading.active_count() == alone + 3
    assert len(set(threads)) == 3, "the same ones in both runs"
    steps.pause()
    assert threading.active_count() == alone
    steps.pause()


def test_batches_are_timed_as_they_arrive(clock: Clock) -> None:
    waits = iter([40, 0, 7])

    def next_images() -> Images:
        assert not gc.isenabled()
        clock.now_ns += next(waits)
        return IMAGES

    assert time_input(next_images, 3).tolist() == [40, 0, 7]
    assert gc.isenabled()
