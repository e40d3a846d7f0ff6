"""The result table: one row a case with its speed, 95 % intervals, speed-up over fp32 and AP, in 100 columns."""

import math
from collections.abc import Mapping, Sequence

from ssd_core.output import tables
from ssd_core.output.table import Table
from ssd_core.precisions import REFERENCE
from ssd_core.results.case import Case
from ssd_core.results.schema import QUICK, AccuracyResult, AgainstResult, Result, TimedResult
from ssd_core.scenarios.registry import KINDS
from ssd_core.stats.figures import OF_AP, PLAIN, median_ms
from ssd_core.stats.steadiness import LEAST_SAMPLES
from ssd_core.verdicts.series import series_figure

_HEADER = ("case", "images/s", "median ms", "p99 ms", f"x {REFERENCE}", "AP")
_UNSTEADY = "*"
_INTERVALS = "±: the longer side of the 95 % interval; milliseconds are of a whole step"


def result_table(results: Sequence[Result]) -> Table:
    """One row per case that was timed or whose accuracy was measured; below it what a reader has to know of them."""
    shown = [result for result in results if isinstance(result, TimedResult | AccuracyResult)]
    shown = [result for result in shown if not isinstance(result, AgainstResult)]
    shown.sort(key=lambda result: list(KINDS).index(result.kind))
    by_case = {result.case.key: result for result in shown}
    rows = [_timed(one, by_case) if isinstance(one, TimedResult) else _accuracy(one) for one in shown]
    return Table(_HEADER, rows, _notes(shown)).filled


def _timed(result: TimedResult, by_case: Mapping[Case, Result]) -> list[str]:
    rate, median = result.images_per_second, median_ms(result.samples)
    p99 = result.latency_ms.get("p99") if result.kind == "latency" else None
    return [
        _title(result) if result.steady is not False else f"{_title(result)} {_UNSTEADY}",
        f"{rate:{PLAIN}}{_reach(result, 'min_images_per_second')}",
        f"{median:{PLAIN}}{_reach(result, 'max_median_ms')}",
        "" if p99 is None else f"{p99:{PLAIN}}",
        _speedup(result, by_case),
        "",
    ]


def _accuracy(result: AccuracyResult) -> list[str]:
    return [_title(result), "", "", "", "", f"{result.ap:{OF_AP}}"]


def _title(result: Result) -> str:
    return f"{result.kind} {result.precision if result.kind == 'accuracy' else result.case.id}"


def _reach(result: TimedResult, limit: str) -> str:
    """As in ` ± 0.7%`; empty if the samples are too few for an interval."""
    if min(map(len, result.samples_ns)) < LEAST_SAMPLES:
        return ""
    figure = series_figure(limit, result.samples_ns, result.case.images_a_step)
    return "" if figure is None else _of(figure.value, figure.low, figure.high)


def _speedup(result: TimedResult, by_case: Mapping[Case, Result]) -> str:
    figure = tables.speedup_of(result, by_case)
    if figure is None:
        return ""
    ends = _of(figure.value, figure.low, figure.high) if tables.has_interval(result, by_case) else ""
    return f"{figure.value:{PLAIN}}{ends}"


def _of(value: float, low: float, high: float) -> str:
    reach = 1000 * max(value - low, high - value) / value
    if not math.isfinite(reach):
        return ""
    return f" ±{math.ceil(reach) / 10:4.1f}%" if reach < 999 else " ± >99%"


def _notes(shown: Sequence[Result]) -> list[str]:
    timed = [result for result in shown if isinstance(result, TimedResult)]
    notes = [QUICK] if any(result.quick for result in shown) else []
    notes += [_INTERVALS] if any(min(map(len, one.samples_ns)) >= LEAST_SAMPLES for one in timed) else []
    if any(result.steady is False for result in timed):
        notes.append(f"{_UNSTEADY} not steady, so the interval may be too short")
    for result in timed:
        if result.tuned:
            notes.append(f"{_title(result)}: {_counts(result)}")
        if result.supply is not None and result.supply.input_bound:
            notes.append(f"{_title(result)}: {tables.describe_supply(result.supply)}")
    images = dict.fromkeys(_images(result) for result in shown if isinstance(result, AccuracyResult))
    notes += [line for line in images if line]
    return notes + tables.replacements(shown)


def _counts(result: TimedResult) -> str:
    """As in `batch 4, 2 streams, 1 thread each`."""
    threads = f"{result.num_intra_threads} thread{'' if result.num_intra_threads == 1 else 's'}"
    if result.streams == 1:
        return f"batch {result.batch_size}, 1 stream, {threads}"
    return f"batch {result.batch_size}, {result.streams} streams, {threads} each"


def _images(result: AccuracyResult) -> str:
    """As in `AP: 300 images of demo (all images)`."""
    if result.images is None:
        return ""
    origin = f" of {result.data.origin}" if result.data and result.data.origin else ""
    rounding = f"; detections rounded to {result.rounding}" if result.rounding and "upstream" in result.rounding else ""
    images = f"{result.images} of {result.images_in_file}" if result.quick else str(result.images)
    return f"AP: {images} images{origin}{f' ({result.protocol})' if result.protocol else ''}{rounding}"
