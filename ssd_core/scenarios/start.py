"""Start: the processes of a run open their networks side by side, before anything is timed."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress

from ssd_core.errors import UserError
from ssd_core.results.case import NO_PRECISION, Case
from ssd_core.scenarios.inference import Inference, feed
from ssd_core.scenarios.protocol import Context
from ssd_core.scenarios.tuning import setups_of

_TIMED = ("throughput", "latency")  # their kernels are read in a second process
_STARTED = (*_TIMED, "accuracy", "input_pipeline")


def start(cases: Iterable[Case], context: Context) -> None:
    """Open the network of each precision, and the input pipeline, as the first of their cases needs them.

    To import TensorFlow and to optimize a graph takes seconds of one CPU each. Errors are left to the cases, which open
    the same again.
    """
    jobs: dict[tuple[str, bool], Callable[[], object]] = {}
    for case in cases:
        if case.kind in _STARTED:
            with suppress(UserError):
                if (case.precision, False) not in jobs:
                    jobs[case.precision, False] = _opening(case, context)
                if case.kind in _TIMED and (case.precision, True) not in jobs:
                    jobs[case.precision, True] = _network(case, context).open_probe
    with context.progress.bar(total=len(jobs), unit=" processes", desc="starting") as bar, ThreadPoolExecutor() as pool:
        for _ in as_completed([pool.submit(job) for job in jobs.values()]):
            bar.update()


def _opening(case: Case, context: Context) -> Callable[[], object]:
    if case.precision != NO_PRECISION:
        return _network(case, context).open
    worker, records = context.workers.of(case.precision), context.images()
    return lambda: feed(worker, records, case.batch_size, context)


def _network(case: Case, context: Context) -> Inference:
    inference = Inference(case, context)
    if case.tuned:  # it has no counts before its search
        inference.setup = setups_of(context.settings)[0]
    return inference
