"""The input pipeline: how many images a second it gives, and whether it limits the network."""

from collections.abc import Sequence

from ssd_core.html import intervals
from ssd_core.html.intervals import Value
from ssd_core.html.section import Section
from ssd_core.html.speeds import timed
from ssd_core.output import tables
from ssd_core.output.table import Table
from ssd_core.results.run import Run
from ssd_core.verdicts.series import series_figure


def section(runs: Sequence[Run], labels: Sequence[str]) -> Section:
    """A chart of the pipeline alone, its figures, and a row for each case that ran on records."""
    values, rows = [], []
    for run, label in zip(runs, labels, strict=True):
        for result in timed(run.results, "input_pipeline"):
            figure = series_figure("min_images_per_second", result.samples_ns, result.case.images_a_step)
            if figure is not None:
                values.append(Value(result.case.id, result.precision, figure.value, figure.low, figure.high, label))
        rows += [
            [f"{one.kind} {one.case.id} {label}".strip(), tables.describe_supply(one.supply)]
            for one in timed(run.results)
            if one.supply is not None
        ]
    title = "Images a second of the input pipeline alone, with 95 % intervals"
    charts = [intervals.chart(values, title, "images a second")] if values else []
    alone = [tables.timing(timed(run.results, "input_pipeline")).filled for run in runs]
    return Section("input", "Input pipeline", [*charts, *alone, Table(["case on records", "supply"], rows)])
