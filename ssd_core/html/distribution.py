"""The distribution of step durations: which share of the steps took at most so long."""

from collections.abc import Iterator, Sequence

import numpy as np

from ssd_core.html.chart import INK, WIDTH, Chart, Row, altair, by_precision, data, drawn
from ssd_core.html.section import Section
from ssd_core.html.speeds import timed
from ssd_core.output.table import Table
from ssd_core.results.run import Run
from ssd_core.results.schema import TimedResult
from ssd_core.stats.figures import percentile_ms
from ssd_core.stats.percentiles import PERCENTILES, samples_needed
from ssd_core.stats.samples import NS_PER_MS

_POINTS = 200  # of a curve: quantiles at even shares
_LARGEST = 3.0  # times the median: slower steps lie beyond the chart, and the table has the slowest
_MARKED = (0.5, 0.9, 0.99)

Labelled = tuple[str, TimedResult]


def section(runs: Sequence[Run], labels: Sequence[str]) -> Section:
    """A curve per latency case, and a table of percentiles, each with the samples that it needs."""
    series = [(label, one) for run, label in zip(runs, labels, strict=True) for one in timed(run.results, "latency")]
    return Section("distribution", "How long does one image take?", [*_curves(series), _table(series)])


def _curves(series: Sequence[Labelled]) -> Iterator[Chart]:
    if not series:
        return
    alt = altair()
    rows = [row for label, result in series for row in _curve(label, result)]
    marks = data([{"share": share, "name": f"p{round(100 * share)}"} for share in _MARKED])
    y = alt.Y("share:Q", title="share of the steps", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    scale = alt.Scale(zero=False, nice=False)
    several = len({row["run"] for row in rows}) > 1
    curves = (
        alt.Chart(data(rows))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X(
                "times:Q", title=f"duration of a step over the median of its case, up to {_LARGEST:g}", scale=scale
            ),
            y=y,
            color=by_precision(rows),
            strokeDash=alt.StrokeDash("run:N", title=None, legend=alt.Legend() if several else None),
            detail="series:N",
            description="series:N",
        )
    )
    lines = alt.Chart(marks).mark_rule(strokeDash=[2, 4], color=INK, opacity=0.5, aria=False).encode(y=y)
    names = (
        alt.Chart(marks)
        .mark_text(align="right", dx=-2, dy=9, aria=False)
        .encode(y=y, text="name:N", x=alt.value(WIDTH - 160))
    )
    chart = alt.layer(lines, names, curves).properties(width=WIDTH - 160, height=260)
    said = "; ".join(
        f"{result.case.id} {label}".strip()
        + f": median {np.median(_ms(result)):.2f} ms, longest {_ms(result).max():.2f} ms"
        for label, result in series
    )
    yield drawn(chart, "Which share of the steps took at most so long", f"Curves of {said}.")


def _curve(label: str, result: TimedResult) -> Iterator[Row]:
    ms = _ms(result)
    median = float(np.median(ms))
    about: Row = {"series": f"{result.case.id} {label}".strip(), "run": label, "precision": result.precision}
    shares = np.linspace(0, 1, _POINTS)
    for share, value in zip(shares, np.quantile(ms, shares), strict=True):
        if value <= _LARGEST * median:
            yield {**about, "share": round(float(share), 4), "times": round(float(value) / median, 4)}


def _table(series: Sequence[Labelled]) -> Table:
    needed = [f"p{percent} ms (of {samples_needed(percent)} samples)" for percent in PERCENTILES]
    rows = []
    for label, result in series:
        values = [percentile_ms(result.samples, percent) for percent in PERCENTILES]
        cells = ["" if value is None else f"{value:.2f}" for value in values]
        rows.append([f"{result.case.id} {label}".strip(), str(result.steps), *cells, f"{_ms(result).max():.2f}"])
    note = "A percentile is empty where there are too few samples for it; each column says how many it needs."
    return Table(["latency", "samples", *needed, "longest ms"], rows, [note])


def _ms(result: TimedResult) -> np.ndarray:
    ms: np.ndarray = np.concatenate(result.samples.arrays) / NS_PER_MS
    return ms
