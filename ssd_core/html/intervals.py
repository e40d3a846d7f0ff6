"""A chart of values with their intervals: one row per name, several runs side by side within it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ssd_core.html.chart import INK, WIDTH, Chart, altair, by_precision, data, drawn

_ROW_HEIGHT = 24


@dataclass(frozen=True)
class Value:
    """A value with the ends of its 95 % interval, which are the value itself where there is none."""

    name: str
    precision: str
    value: float
    low: float
    high: float
    run: str = ""

    def said(self, digits: int) -> str:
        """As in `latency int8-batch1: 33.14 [32.10, 34.20]`."""
        ends = "" if self.low == self.high else f" [{self.low:.{digits}f}, {self.high:.{digits}f}]"
        return f"{self.name}{f' {self.run}' if self.run else ''}: {self.value:.{digits}f}{ends}"


def chart(
    values: Sequence[Value], caption: str, axis: str, *, zero: bool = True, mark: float | None = None, digits: int = 2
) -> Chart:
    """A dot per value on its interval; `mark` is a value at which a dashed line stands."""
    alt = altair()
    rows = [
        {
            **{"name": one.name, "run": one.run, "precision": one.precision, "said": one.said(digits)},
            "series": f"{one.precision} {one.run}",
            **{"value": one.value, "low": one.low, "high": one.high},
        }
        for one in values
    ]
    names, runs, series = (list(dict.fromkeys(row[field] for row in rows)) for field in ("name", "run", "series"))
    beside = max(Counter(row["name"] for row in rows).values())
    y = alt.Y("name:N", sort=names, title=None, axis=alt.Axis(grid=True))
    places = {"yOffset": alt.YOffset("series:N", sort=series)} if beside > 1 else {}
    shapes = {"shape": alt.Shape("run:N", sort=runs, title=None)} if len(runs) > 1 else {}
    base = alt.Chart(data(rows)).encode(y=y, color=by_precision(rows), **places)
    scale = alt.Scale(zero=zero, nice=True)
    bars = base.mark_rule(strokeWidth=2, aria=False).encode(x=alt.X("low:Q", title=axis, scale=scale), x2="high:Q")
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X("value:Q", title=axis, scale=scale), description="said:N", **shapes
    )
    layers = [bars, dots]
    if mark is not None:
        line = alt.Chart(data([{"at": mark}])).mark_rule(strokeDash=[4, 4], color=INK, aria=False)
        layers.insert(0, line.encode(x=alt.X("at:Q", title=axis, scale=scale)))
    height = _ROW_HEIGHT * len(names) * max(1, 0.5 * beside)
    drawing = alt.layer(*layers).properties(width=WIDTH - 160, height=height)
    return drawn(drawing, caption, f"{axis}. " + "; ".join(one.said(digits) for one in values))
