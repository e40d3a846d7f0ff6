"""The page of a history: a chart a series with its levels, its steps marked, and the tables."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ssd_core.html.chart import COLOURS, INK, OTHER, WIDTH, Chart, Row, altair, data, drawn
from ssd_core.html.page import document
from ssd_core.html.section import Section
from ssd_core.output.history_tables import commit_of, commits_of, names_of, state_of
from ssd_core.output.table import Table
from ssd_core.results.history import History
from ssd_core.results.moment import day_of
from ssd_core.stats.figures import PLAIN
from ssd_core.verdicts.compare import describe
from ssd_core.verdicts.history import Judged

_POINTS = 400  # of a chart: of more points, each that is drawn is a median of neighbours


def page(history: History, judged: Sequence[Judged], tables: Sequence[Table]) -> str:
    """The HTML of a history; UserError without the extra."""
    altair()
    about = [f"{history.folder}: {history.runs} runs", *history.left_out]
    return document(f"history of {history.folder}", about, [_series(judged), *_tables(tables)])


def _tables(tables: Sequence[Table]) -> list[Section]:
    titles = {"series": "All series", "steps": "All steps"}
    return [Section(name, titles[name], [table]) for name, table in zip(titles, tables, strict=True)]


def _series(judged: Sequence[Judged]) -> Section:
    names = names_of([one.series for one in judged])
    charts = [_chart(one, name) for one, name in zip(judged, names, strict=True)]
    note = "A line is a level, and a dashed one a step. Grey points are spikes, which count little."
    return Section("history", "When did it change?", [note, *charts])


def _chart(judged: Judged, name: str) -> Chart:
    alt = altair()
    figure = str(judged.series.figure)
    x = alt.X("run:Q", title="runs, in the order of their commits", scale=alt.Scale(nice=False))
    y = alt.Y("value:Q", title=figure, scale=alt.Scale(zero=False))
    colour = alt.Color("colour:N", scale=None)
    points = alt.Chart(data(_points(judged))).mark_point(size=14, filled=True, opacity=0.7)
    levels = alt.Chart(data(_levels(judged))).mark_line(strokeWidth=2)
    layers = [
        points.encode(x=x, y=y, color=colour, description="said:N"),
        levels.encode(x=x, y=y, color=alt.value(INK), detail="level:N", description="said:N"),
    ]
    steps: list[Row] = [
        {
            "run": change.step.index - 0.5,
            "said": f"{describe(change.ratio)} in {commits_of(change)}, {state_of(change)}",
        }
        for change in judged.changes
    ]
    if steps:
        rules = alt.Chart(data(steps)).mark_rule(strokeDash=[4, 4], color=COLOURS[1])
        layers.append(rules.encode(x=x, description="said:N"))
    said = f"{len(judged.points)} runs, {len(steps)} steps; the tables below have them"
    return drawn(alt.layer(*layers).properties(width=WIDTH - 60, height=130), name, f"{figure}: {said}.")


def _points(judged: Judged) -> list[Row]:
    values = np.array([point.value.value for point in judged.points])
    rows = []
    for part in np.array_split(np.arange(len(values)), min(_POINTS, len(values))):
        value, middle = float(np.median(values[part])), judged.points[int(part[len(part) // 2])]
        spike = bool(judged.levels.spikes[judged.start + part].all())
        said = f"{value:{PLAIN}} at {commit_of(middle)}, {day_of(middle.time)}{', a spike' if spike else ''}"
        run = judged.start + float(part.mean())
        rows.append({"run": run, "value": value, "colour": OTHER if spike else COLOURS[0], "said": said})
    return rows


def _levels(judged: Judged) -> list[Row]:
    """The two ends of each level that is shown."""
    edges = [0, *(step.index for step in judged.levels.steps), len(judged.series.points)]
    rows = []
    for number, (level, (first, end)) in enumerate(zip(judged.levels.levels, pairwise(edges), strict=True)):
        value, start = float(np.exp(level.log)), max(first, judged.start)
        for run in (start, end - 1) if start < end else ():
            rows.append({"run": run, "value": value, "level": number, "said": f"{value:{PLAIN}}"})
    return rows
