"""About how long cases take, from the settings and this machine's instructions; a run says it before it measures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ssd_core.demo import places
from ssd_core.errors import UserError
from ssd_core.images.shards import count_records, find_shards
from ssd_core.machine import identity
from ssd_core.network.layers import multiply_adds
from ssd_core.precisions import PRECISIONS
from ssd_core.results.case import Case
from ssd_core.scenarios.series import SHARE
from ssd_core.scenarios.settings import Settings
from ssd_core.scenarios.setup import stream_counts
from ssd_core.verdicts.limits import isa_tier

_OPENING_S = 10.0  # a worker imports TensorFlow, opens its graph and runs the yardstick
_KERNELS_S = 9.0  # a second worker of each precision, which reads oneDNN's kernels
_RUNS_ALONE_S = 40.0  # --against, --profile and --peers: two or more runners in turn
_UNTIL_CLEAR_S = 100.0  # --bisect-status: 40 evaluations took 111 s each with the opening (docs/history.md)
_LOADGEN_S = 150.0  # after the search: its scenarios, each in turn with ours
# Multiply-adds a second of one CPU, by the best instructions of its precision: of a 2-core Xeon and a 2-core EPYC.
_FP32 = 6e10
_REDUCED = {"AMX": 4e11, "VNNI": 4e11, "AVX2": 1e11}
_DEMO_IMAGES = 120  # before the demo is made


def seconds_of(cases: Sequence[Case], settings: Settings) -> Iterator[float]:
    """About how many seconds each case takes, in order; a precision's first case starts its workers."""
    images, started = None, set[str]()
    for case in cases:
        opening_s = _OPENING_S
        if case.precision not in started and case.precision in PRECISIONS:
            opening_s += _KERNELS_S
        started.add(case.precision)
        if case.kind == "accuracy":
            if images is None:
                images = settings.budget.accuracy_images or images_of(settings.data_location)
            yield opening_s + images / rate_of(case.precision, settings.cpus)
        elif case.kind in ("throughput", "latency", "input_pipeline"):
            search_s = _search_s(settings) if case.tuned else 0.0
            yield opening_s + search_s + settings.processes * _series_s(case, settings)
        elif case.kind in ("server", "loadgen"):
            yield opening_s + settings.server.seconds + (_LOADGEN_S if case.kind == "loadgen" else 0.0)
        elif settings.until_clear is not None:
            yield opening_s + min(_UNTIL_CLEAR_S, settings.until_clear.seconds)
        else:
            yield opening_s + _RUNS_ALONE_S


def _search_s(settings: Settings) -> float:
    """Each candidate takes about as long again to open and to warm up."""
    candidates = len(stream_counts(settings.cpus)) + len(settings.budget.tuned_batch_sizes)
    return candidates * 2 * settings.budget.candidate_s


def _series_s(case: Case, settings: Settings) -> float:
    if settings.steps is None:
        return settings.budget.series[case.kind].time_limit_s * (1 + SHARE)
    steps = settings.steps + (settings.warmup_steps or 0)
    return steps * max(1, case.images_a_step) / rate_of(case.precision, settings.cpus)


def rate_of(precision: str, cpus: int) -> float:
    """About how many images a second the network takes on so many CPUs."""
    flags = identity.of_this_machine()["isa_flags"]
    native = precision != "fp32" and precision in PRECISIONS and PRECISIONS[precision].runs_on(flags)
    per_cpu = _REDUCED.get(isa_tier(flags) or "", _FP32) if native else _FP32
    return cpus * per_cpu / multiply_adds()


def images_of(folder: Path | None) -> int:
    """The number of images in the records of a folder, or in the demo's."""
    try:
        return count_records(find_shards(folder or places.records()))
    except (UserError, OSError):  # the case itself says what is wrong with the records
        return _DEMO_IMAGES
