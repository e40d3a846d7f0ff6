"""Online serving: latency over the rate of requests, and where a request's time goes."""

from collections.abc import Sequence

from ssd_core.html.chart import INK, WIDTH, Chart, Row, altair, data, drawn
from ssd_core.html.section import Block, Section, of_run
from ssd_core.output import server_tables
from ssd_core.results.run import Run
from ssd_core.results.schema import ServerResult


def section(runs: Sequence[Run], labels: Sequence[str]) -> Section:
    """A chart per case, and the tables of each run."""
    blocks: list[Block] = []
    for run, label in zip(runs, labels, strict=True):
        served = [one for one in run.results if isinstance(one, ServerResult)]
        blocks += [_chart(result, f"server {result.case.id} {label}".strip()) for result in served]
        tables = [make(run.results) for make in (server_tables.rates, server_tables.points, server_tables.loadgen)]
        blocks += [of_run(table, label) for table in tables if table.rows]
    return Section("server", "Online serving", blocks)


def _chart(result: ServerResult, title: str) -> Chart:
    alt = altair()
    rows: list[Row] = []
    for point in result.points:
        for name, value in (("p50", point.p50_ms), (f"p{result.percentile:g}", point.tail_ms)):
            said = f"{name} {value:.1f} ms at {point.rate:.1f} requests/s"
            rows.append({"rate": point.rate, "ms": value, "name": name, "said": said})
    x = alt.X("rate:Q", title="requests a second", scale=alt.Scale(zero=False))
    y = alt.Y("ms:Q", title="latency, ms")
    dots = (
        alt.Chart(data(rows))
        .mark_point(filled=True, size=60, opacity=0.9)
        .encode(x=x, y=y, shape=alt.Shape("name:N", title=None), color=alt.value("#0072B2"), description="said:N")
    )
    bound = alt.Chart(data([{"at": result.bound_ms}])).mark_rule(strokeDash=[4, 4], color=INK, aria=False)
    chart = alt.layer(bound.encode(y=alt.Y("at:Q", title="latency, ms")), dots)
    caption = f"{title}: latency over the rate; the dashed line is the bound"
    return drawn(chart.properties(width=WIDTH - 160, height=220), caption, "; ".join(row["said"] for row in rows))
