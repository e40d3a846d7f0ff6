"""Other runtimes: how many times as fast ours is as each, with the interval, and AP by runtime."""

from collections.abc import Iterator, Sequence

from ssd_core.html import intervals
from ssd_core.html.chart import Chart
from ssd_core.html.intervals import Value
from ssd_core.html.section import Section, of_run
from ssd_core.output import peers_tables
from ssd_core.results.run import Run
from ssd_core.results.schema import PeersResult


def section(runs: Sequence[Run], labels: Sequence[str]) -> Section:
    """A chart of the ratios, and the tables of each run."""
    made = (peers_tables.speed, peers_tables.accuracy)
    shown = [of_run(make(run.results), label) for run, label in zip(runs, labels, strict=True) for make in made]
    return Section("peers", "Other runtimes", [*_ratios(runs, labels), *(table for table in shown if table.rows)])


def _ratios(runs: Sequence[Run], labels: Sequence[str]) -> Iterator[Chart]:
    values = []
    for run, label in zip(runs, labels, strict=True):
        for result in (one for one in run.results if isinstance(one, PeersResult)):
            for name, ratio in result.peers.ratios.items():
                low, high = (ratio.ratio if end is None else end for end in (ratio.low, ratio.high))
                title = f"{peers_tables.title(result)} {name}"
                values.append(Value(title, result.precision, ratio.ratio, low, high, label))
    if values:
        title = "How many times as fast ours is, with 95 % intervals"
        yield intervals.chart(values, title, "the other's time over ours", mark=1.0, digits=3)
