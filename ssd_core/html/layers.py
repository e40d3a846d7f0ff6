"""Where the time of a step goes: the milliseconds of each convolution and pooling, and its rate beside the roofline."""

from collections.abc import Iterator, Sequence

from ssd_core.html import bars
from ssd_core.html.chart import INK, WIDTH, Chart, Row, altair, by_precision, data, drawn
from ssd_core.html.section import Block, Section, of_run
from ssd_core.output import profile_tables
from ssd_core.profiling.layers import Row as Layer
from ssd_core.results.run import Run
from ssd_core.results.schema import ProfileResult

_GIGA = 1e-9


def section(runs: Sequence[Run], labels: Sequence[str]) -> Section:
    """Two charts and a table per profile."""
    blocks: list[Block] = []
    for run, label in zip(runs, labels, strict=True):
        for result in run.results:
            if isinstance(result, ProfileResult):
                title = f"{result.case.id} {label}".strip()
                blocks += [
                    *_times(result, title),
                    *_roofline(result, title),
                    of_run(profile_tables.table(result), label),
                ]
    return Section("profile", "Where does the time go?", blocks)


def _times(result: ProfileResult, title: str) -> Iterator[Chart]:
    rows: list[Row] = []
    for layer in _layers(result):
        name = profile_tables.short(layer.name)
        said = f"{name}: {layer.time_ms:.3f} ms, {layer.step_share:.1%} of the step"
        rows.append({"name": name, "value": layer.time_ms, "precision": layer.data_type or "other", "said": said})
    if rows:
        caption = f"{title}: time of each convolution and pooling, in order"
        yield bars.chart(rows, caption, "ms of a step", by_precision(rows), row_height=15)


def _roofline(result: ProfileResult, title: str) -> Iterator[Chart]:
    """Each convolution's operations a second over its operations a byte, below what the machine can do at most."""
    alt = altair()
    rows: list[Row] = []
    for layer in _layers(result):
        if layer.multiply_adds and layer.gop_per_s and layer.moved_bytes:
            name = profile_tables.short(layer.name)
            said = f"{name}: {layer.gop_per_s:,.0f} GOP/s" + (
                "" if layer.roofline_share is None else f", {layer.roofline_share:.0%} of the roofline"
            )
            place = {"x": 2 * layer.multiply_adds / layer.moved_bytes, "y": layer.gop_per_s}
            rows.append({**place, "precision": layer.data_type, "said": said})
    if not rows:
        return
    xs = [row["x"] for row in rows]
    ends = min(xs) / 2, max(xs) * 2
    x = alt.X("x:Q", title="operations a byte", scale=alt.Scale(type="log", nice=False))
    y = alt.Y("y:Q", title="GOP/s", scale=alt.Scale(type="log"))
    roofs = [
        {"x": at, "y": min(2 * peak * _GIGA, at * result.roofline.bytes_per_s * _GIGA), "precision": precision}
        for precision, peak in result.roofline.multiply_adds_per_s.items()
        if precision in {row["precision"] for row in rows}
        for at in _ridge(ends, 2 * peak / result.roofline.bytes_per_s)
    ]
    points = (
        alt.Chart(data(rows))
        .mark_point(filled=True, size=60, opacity=0.8)
        .encode(x=x, y=y, color=by_precision(rows), description="said:N")
    )
    layers = [points]
    if roofs:
        lines = alt.Chart(data(roofs)).mark_line(strokeWidth=1.5, color=INK, aria=False)
        layers.insert(0, lines.encode(x=x, y=y, detail="precision:N"))
    chart = alt.layer(*layers).properties(width=WIDTH - 160, height=260)
    yield drawn(chart, f"{title}: convolutions below the roofline", "; ".join(row["said"] for row in rows))


def _ridge(ends: tuple[float, float], at: float) -> list[float]:
    """Where the roof starts, bends and ends."""
    return sorted({ends[0], min(max(at, ends[0]), ends[1]), ends[1]})


def _layers(result: ProfileResult) -> list[Layer]:
    """The convolutions and poolings."""
    return [layer for layer in result.layers if layer.kind in ("convolution", "pooling")]
