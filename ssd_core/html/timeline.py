"""The series over time: the steps of each process, its warm-up, and where its level changed."""

from collections.abc import Sequence

import numpy as np

from ssd_core.html.chart import COLOURS, INK, WIDTH, Chart, Row, altair, data, drawn
from ssd_core.html.section import Section
from ssd_core.html.speeds import timed
from ssd_core.output.table import Table
from ssd_core.results.run import Run
from ssd_core.results.schema import TimedResult
from ssd_core.stats.samples import NS_PER_MS, NS_PER_SECOND
from ssd_core.stats.steadiness import change_point

_POINTS = 300  # of a series: more are drawn as medians of neighbours
_KINDS = ("throughput", "latency", "input_pipeline")


def section(runs: Sequence[Run], labels: Sequence[str]) -> Section:
    """A chart per case, and a table of the changes of level."""
    charts, rows = [], []
    for run, label in zip(runs, labels, strict=True):
        for result in timed(run.results, *_KINDS):
            name = " ".join(filter(None, (result.kind, result.case.id, label)))
            charts.append(_series(result, name))
            rows += _changes(result, name)
    header = ["series", "process", "steps", "seconds", "change of level", "after s"]
    note = (
        "The grey part is the warm-up, which is in no figure; its length is estimated from its number of steps."
        " A dashed line is a change of level that matters."
    )
    return Section("series", "Steps over time", [*charts, Table(header, rows, [note])])


def _series(result: TimedResult, name: str) -> Chart:
    alt = altair()
    points: list[Row] = []
    changes: list[Row] = []
    for number, series in enumerate(result.samples.arrays, 1):
        process = f"process {number}"
        at_s = np.cumsum(series) / NS_PER_SECOND
        for part in np.array_split(np.arange(len(series)), min(_POINTS, len(series))):
            ms = float(np.median(series[part])) / NS_PER_MS
            points.append({"s": round(float(at_s[part[-1]]), 3), "ms": round(ms, 4), "process": process})
        change = change_point(series)
        if change.matters:
            changes.append({"s": float(at_s[change.index - 1]), "process": process})
    colour = alt.Color("process:N", scale=alt.Scale(range=list(COLOURS)), title=None, legend=_legend(result))
    x = alt.X("s:Q", title="seconds of steps", scale=alt.Scale(nice=False))
    y = alt.Y("ms:Q", title="ms a step", scale=alt.Scale(zero=False))
    lines = alt.Chart(data(points)).mark_line(strokeWidth=1.2).encode(x=x, y=y, color=colour, description="process:N")
    layers = [lines]
    if warmup_s := _warmup_s(result):
        rectangle = alt.Chart(data([{"from": -warmup_s, "to": 0}])).mark_rect(color=INK, opacity=0.1, aria=False)
        layers.insert(
            0, rectangle.encode(x=alt.X("from:Q", title="seconds of steps", scale=alt.Scale(nice=False)), x2="to:Q")
        )
    if changes:
        rule = alt.Chart(data(changes)).mark_rule(strokeDash=[4, 4], color=INK)
        layers.append(rule.encode(x=x, description="process:N"))
    said = f"{len(result.samples_ns)} processes, {result.steps} steps, {len(changes)} changes of level that matter"
    chart = alt.layer(*layers).properties(width=WIDTH - 160, height=110)
    return drawn(chart, name, f"{name}: {said}; the table below the charts has them.")


def _warmup_s(result: TimedResult) -> float:
    """About how long the warm-up of one process took."""
    steps = (result.warmup_steps or 0) / len(result.samples_ns)
    return round(steps * result.samples.centre_ns / NS_PER_SECOND, 3)


def _legend(result: TimedResult) -> object:
    alt = altair()
    return alt.Legend() if len(result.samples_ns) > 1 else None


def _changes(result: TimedResult, name: str) -> list[list[str]]:
    rows = []
    for number, series in enumerate(result.samples.arrays, 1):
        change = change_point(series)
        at_s = float(np.sum(series[: change.index])) / NS_PER_SECOND
        cells = [f"{change.shift:+.1%}", f"{at_s:.1f}"] if change.matters else ["", ""]
        rows.append([name, str(number), str(len(series)), f"{np.sum(series) / NS_PER_SECOND:.1f}", *cells])
    return rows
