"""The verdicts: the ledger with what failed first, and the comparison with the first run."""

from collections.abc import Sequence

from ssd_core.html.section import Section, of_run
from ssd_core.output.ledger_table import PASSING, count_line, full_table
from ssd_core.output.render import table_of
from ssd_core.output.table import Table
from ssd_core.results.run import Run
from ssd_core.verdicts.report import Report


def section(runs: Sequence[Run], labels: Sequence[str], comparison: Report | None) -> Section:
    """Each run's ledger, the newest first; then the comparison, if there are several runs."""
    blocks: list[str | Table] = []
    for run, label in reversed(list(zip(runs, labels, strict=True))):
        entries = sorted(run.ledger, key=lambda entry: entry.get("outcome") in PASSING)
        if entries:
            about = f"{label}: " if label else ""
            blocks += [
                f"{about}{count_line(entries)}",
                of_run(_outcome_first(full_table(entries, run.not_asked)), label),
            ]
        if comparison is not None and run is runs[-1]:
            blocks.append(table_of(comparison))
    return Section("verdicts", "Verdicts", blocks)


def _outcome_first(ledger: Table) -> Table:
    """With the outcome where a narrow window shows it."""
    header, *rows = ([row[2], *row[:2], *row[3:]] for row in (ledger.header, *ledger.rows))
    return Table(header, rows, ledger.notes)
