"""The ledger as tables: all its entries, or in one line where all are kept, and else only those that are not."""

from collections import Counter
from collections.abc import Mapping, Sequence

from ssd_core.output.table import Table
from ssd_core.verdicts.ledger import MEASURE, Outcome

_FIELDS = ("subject", "asked", "outcome", "reason")
PASSING = tuple(outcome for outcome in Outcome if outcome.passes)
Entries = Sequence[Mapping[str, str]]


def full_table(entries: Entries, not_asked: Sequence[str]) -> Table:
    """Every entry with its figures, and what was not asked below."""
    rows = [[entry.get(name, "") for name in _FIELDS] for entry in entries]
    return Table(["case", "asked", "outcome", "figures"], rows, not_asked)


def short_table(entries: Entries, not_asked: Sequence[str], left_out: int = 0) -> Table:
    """The counts in a line; above it the entries that are not kept, each with the number of its reason below."""
    failing = [entry for entry in entries if entry.get("outcome") not in PASSING]
    counts = [count_line(entries, left_out), *not_asked]
    if not failing:
        return Table([], [], counts if entries else ())
    reasons = list(dict.fromkeys(entry.get("reason", "") for entry in failing))
    rows = [
        [*(entry.get(name, "") for name in _FIELDS[:3]), f"[{reasons.index(entry.get('reason', '')) + 1}]"]
        for entry in failing
    ]
    notes = [f"[{number}] {reason}" for number, reason in enumerate(reasons, 1)]
    return Table(["not kept", "asked", "outcome", "why"], rows, [*notes, *counts])


def count_line(entries: Entries, left_out: int = 0) -> str:
    """As in `12 cases, 10 left out, 2 measured. 6 asked: 5 kept, 1 broken.`; what the counts say adds up."""
    cases = [entry for entry in entries if entry.get("asked") == MEASURE]
    measured = sum(entry.get("outcome") == Outcome.KEPT for entry in cases)
    collected = len(cases) + left_out
    counts = [f"{collected} case{'' if collected == 1 else 's'}", f"{left_out} left out", f"{measured} measured"]
    if not left_out:
        del counts[1]
    if len(cases) > measured:
        counts.append(f"{len(cases) - measured} not measured")
    outcomes = Counter(entry.get("outcome", "") for entry in entries)
    said = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in Outcome if outcomes[outcome])
    return f"{', '.join(counts)}. {len(entries)} asked: {said}."
