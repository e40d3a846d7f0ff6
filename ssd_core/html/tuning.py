"""The search of tuned cases: images a second with each of the counts that were tried."""

from collections.abc import Sequence

from ssd_core.html import bars
from ssd_core.html.chart import COLOURS, OTHER, Chart, Row, altair
from ssd_core.html.section import Section, of_run
from ssd_core.html.speeds import timed
from ssd_core.output import tables
from ssd_core.results.run import Run
from ssd_core.results.schema import TimedResult


def section(runs: Sequence[Run], labels: Sequence[str]) -> Section:
    """A chart per tuned case, and the candidates in the order they were tried."""
    tuned = [(label, one) for run, label in zip(runs, labels, strict=True) for one in timed(run.results) if one.tuning]
    shown = [of_run(tables.tuning(run.results), label) for run, label in zip(runs, labels, strict=True)]
    charts = [_chart(result, label) for label, result in tuned]
    return Section("tuning", "The search of tuned cases", [*charts, *shown])


def _chart(result: TimedResult, label: str) -> Chart:
    alt = altair()
    rows: list[Row] = []
    for tried in result.tuning:
        threads = f"{tried.num_inter_threads}+{tried.num_intra_threads} threads"
        streams = f"{tried.streams} stream{'' if tried.streams == 1 else 's'}"
        name = f"batch {tried.batch_size}, {streams}, {threads}"
        how = "chosen" if tables.is_chosen(tried, result) else "tried"
        said = f"{name}: {tried.images_per_second:.2f} images/s, {how}"
        rows.append({"name": name, "value": tried.images_per_second, "how": how, "said": said})
    scale = alt.Scale(domain=["chosen", "tried"], range=[COLOURS[0], OTHER])
    colour = alt.Color("how:N", scale=scale, title=None)
    return bars.chart(rows, f"{result.kind} {result.case.id} {label}".strip(), "images a second", colour, row_height=18)
