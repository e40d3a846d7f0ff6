"""The verdicts: the ledger with what failed first, and the comparison with the first run."""

from collections.abc import Sequence

from ssd_core.html.section import Section
from ssd_core.output.ledger_table import full_table
from ssd_core.output.render import table_of
from ssd_core.output.table import Table
from ssd_core.results.run import Run
from ssd_core.verdicts.ledger import Outcome
from ssd_core.verdicts.report import Report

_GOOD = (Outcome.KEPT, Outcome.IMPROVED)


def section(runs: Sequence[Run], labels: Sequence[str], comparison: Report | None) -> Section:
    """Each run's ledger, the newest first; before them the comparison, if there are several runs."""
    blocks: list[str | Table] = [] if comparison is None else [table_of(comparison)]
    for run, label in reversed(list(zip(runs, labels, strict=True))):
        entries = sorted(run.ledger, key=lambda entry: entry.get("outcome") in _GOOD)
        if not entries:
            continue
        good = sum(entry.get("outcome") in _GOOD for entry in entries)
        about = f"{label}: " if label else ""
        blocks.append(f"{about}{len(entries)} asked, {good} kept, {len(entries) - good} not kept.")
        blocks.append(full_table(entries, run.not_asked))
    return Section("verdicts", "Verdicts", blocks)
