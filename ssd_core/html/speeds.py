"""Throughput and latency with their intervals, by case, and how they compare with fp32 and with the first run."""

from collections.abc import Iterator, Sequence

from ssd_core.html import intervals
from ssd_core.html.chart import Chart
from ssd_core.html.intervals import Value
from ssd_core.html.section import Section, of_run
from ssd_core.output import tables
from ssd_core.output.result_table import result_table
from ssd_core.precisions import REFERENCE
from ssd_core.results.run import Run
from ssd_core.results.schema import AgainstResult, Result, TimedResult
from ssd_core.stats.steadiness import LEAST_SAMPLES
from ssd_core.verdicts.report import Report
from ssd_core.verdicts.series import series_figure

_OF_TIME = "median ms"  # how the figures of times are called in a comparison
_FIGURES = (
    ("throughput", "min_images_per_second", "images a second"),
    ("latency", "max_median_ms", "median of a step, ms"),
)


def section(runs: Sequence[Run], labels: Sequence[str], comparison: Report | None) -> Section:
    """A chart of images a second, one of the median, one of speed-ups, and the result table of each run."""
    title = "Throughput and latency"
    if not any(isinstance(one, TimedResult) for run in runs for one in run.results):
        return Section("speed", title, [])
    charts = [*_speeds(runs, labels), *_speedups(runs, labels), *_changes(labels, comparison)]
    made = (result_table, tables.speedups, tables.against)
    shown = [of_run(make(run.results).filled, label) for make in made for run, label in zip(runs, labels, strict=True)]
    return Section("speed", title, [*charts, *shown])


def timed(results: Sequence[Result], *kinds: str) -> list[TimedResult]:
    """The series of these kinds, by default throughput and latency."""
    plain = (one for one in results if isinstance(one, TimedResult) and not isinstance(one, AgainstResult))
    return [result for result in plain if result.kind in (kinds or ("throughput", "latency"))]


def _speeds(runs: Sequence[Run], labels: Sequence[str]) -> Iterator[Chart]:
    for kind, limit, unit in _FIGURES:
        values = [
            value
            for run, label in zip(runs, labels, strict=True)
            for result in timed(run.results, kind)
            if (value := value_of(result, limit, label)) is not None
        ]
        if values:
            yield intervals.chart(values, f"{kind.capitalize()}: {unit}, with 95 % intervals", unit)


def value_of(result: TimedResult, limit: str, label: str) -> Value | None:
    """The figure of a limit with its interval, if there are enough samples for one."""
    figure = series_figure(limit, result.samples_ns, result.case.images_a_step)
    if figure is None:
        return None
    known = min(map(len, result.samples_ns)) >= LEAST_SAMPLES
    low, high = (figure.low, figure.high) if known else (figure.value, figure.value)
    return Value(result.case.id, result.precision, figure.value, low, high, label)


def _speedups(runs: Sequence[Run], labels: Sequence[str]) -> Iterator[Chart]:
    values = []
    for run, label in zip(runs, labels, strict=True):
        by_case = {result.case.key: result for result in timed(run.results)}
        for result in by_case.values():
            if figure := tables.speedup_of(result, by_case):
                known = tables.has_interval(result, by_case)
                low, high = (figure.low, figure.high) if known else (figure.value, figure.value)
                name = f"{result.kind} {result.case.id}"
                values.append(Value(name, result.precision, figure.value, low, high, label))
    if values:
        yield intervals.chart(values, f"Times as fast as {REFERENCE}, with 95 % intervals", "speed-up", mark=1.0)


def _changes(labels: Sequence[str], comparison: Report | None) -> Iterator[Chart]:
    """Each run's times over the first one's."""
    if comparison is None:
        return
    values = [
        Value(row.case, _precision_of(row.case), one.ratio, one.low, one.high, label)
        for row in comparison.rows
        if row.figure.startswith(_OF_TIME)
        for label, one in zip(labels, row.comparisons, strict=True)
        if one is not None and one.ratio is not None and one.low is not None and one.high is not None
    ]
    if values:
        axis = "time over that of the first run: above 1 is slower"
        yield intervals.chart(
            values, "Change from the first run, with 95 % intervals", axis, zero=False, mark=1.0, digits=3
        )


def _precision_of(case: str) -> str:
    return case.split()[1].split("-")[0] if " " in case else ""
