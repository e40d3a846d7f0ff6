"""The yardstick runs conv4_2's convolution in the precision that is asked for, in the worker that is measured."""

import time
from pathlib import Path

import numpy as np
import pytest

from ssd_core.backends.protocol import of_graph
from ssd_core.errors import UserError
from ssd_core.machine import identity
from ssd_core.precisions import PRECISIONS
from ssd_core.profiling import kernels
from ssd_core.profiling.yardstick import Yardstick
from ssd_core.profiling.yardstick_shape import MULTIPLY_ADDS
from ssd_core.worker.client import Worker, WorkerSettings
from tests.worker.conftest import PATIENCE_S, threads_of, wait_for

TYPES = {"fp32": "f32", "bf16": "bf16", "int8": "int8"}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_each_precision_runs_and_every_step_takes_its_time(worker: Worker, precision: str) -> None:
    start = time.perf_counter_ns()
    times_ns = worker.yardstick(precision, 1, 1, 4)
    elapsed = time.perf_counter_ns() - start
    assert len(times_ns) == 4
    assert all(isinstance(ns, int) for ns in times_ns)
    # No CPU core does 10 T multiply-adds a second: what took less time than that did not run.
    assert min(times_ns) > MULTIPLY_ADDS / 10_000
    assert sum(times_ns) < elapsed


def test_onednn_runs_the_convolution_in_the_precision_that_was_asked_for() -> None:
    emulated = "avx512bw" in identity.of_this_machine()["isa_flags"]  # from there on oneDNN has bf16
    with Worker(WorkerSettings(onednn_verbose=True), timeout_s=PATIENCE_S) as worker:
        for precision in PRECISIONS if emulated else ("fp32", "int8"):
            worker.yardstick(precision, 1, 1, 1)
            worker.output_lines()
            worker.yardstick(precision, 1, 1, 2)
            ran = [p for p in kernels.primitives(worker.output_lines()) if p.kind == "convolution"]
            assert [p.data_type for p in ran] == [TYPES[precision]] * 2
            assert {p.problem.partition("dh")[0] for p in ran} == {"mb1_ic512oc512_ih38oh38kh3sh1"}


def test_it_has_the_threads_of_the_case_and_those_of_the_one_before_are_gone(worker: Worker) -> None:
    worker.yardstick("fp32", 1, 1, 1)
    before = threads_of(worker)
    worker.yardstick("fp32", 2, 3, 1)
    started = threads_of(worker) - before
    assert len(started) == 5
    worker.yardstick("fp32", 2, 3, 1)
    assert threads_of(worker) - before == started
    worker.yardstick("fp32", 1, 1, 1)
    assert len(threads_of(worker) - before - started) == 2
    wait_for(lambda: not started & threads_of(worker))


def test_an_unknown_precision_is_refused_and_the_worker_goes_on(worker: Worker) -> None:
    with pytest.raises(UserError, match="no yardstick for int4: choose from fp32, bf16, int8"):
        worker.yardstick("int4", 1, 1, 1)
    assert len(worker.yardstick("int8", 1, 1, 1)) == 1


def test_it_does_not_disturb_the_graph_that_is_open(worker: Worker, graphs: dict[str, Path]) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1))
    worker.feed_dummy(2)
    worker.yardstick("int8", 1, 1, 1)
    assert len(worker.run(2).run_ns) == 2


def test_steps_can_be_run_in_parts_until_it_is_closed() -> None:
    yardstick = Yardstick("int8", 1, 1)
    for steps in (0, 1, 3):
        times_ns = yardstick.run(steps)
        assert times_ns.shape == (steps,)
        assert times_ns.dtype == np.int64
        assert (times_ns > 0).all()
    yardstick.close()
    with pytest.raises(AttributeError):
        yardstick.run(1)
