"""The input pipeline: how many images a second it gives, and whether it limits the network."""

from collections.abc import Sequence

from ssd_core.html import intervals
from ssd_core.html.section import Section, of_run
from ssd_core.html.speeds import timed, value_of
from ssd_core.output import tables
from ssd_core.output.table import Table
from ssd_core.results.run import Run


def section(runs: Sequence[Run], labels: Sequence[str]) -> Section:
    """A chart of the pipeline alone, its figures, and a row for each case that ran on records."""
    values, rows = [], []
    for run, label in zip(runs, labels, strict=True):
        for result in timed(run.results, "input_pipeline"):
            value = value_of(result, "min_images_per_second", label)
            values += [] if value is None else [value]
        rows += [
            [f"{one.kind} {one.case.id} {label}".strip(), tables.describe_supply(one.supply)]
            for one in timed(run.results)
            if one.supply is not None
        ]
    title = "Images a second of the input pipeline alone, with 95 % intervals"
    charts = [intervals.chart(values, title, "images a second")] if values else []
    alone = [
        of_run(tables.timing(timed(run.results, "input_pipeline")).filled, label)
        for run, label in zip(runs, labels, strict=True)
    ]
    return Section("input", "Input pipeline", [*charts, *alone, Table(["case on records", "supply"], rows)])
