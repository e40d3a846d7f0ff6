"""The machines: what identifies each, and what would make its figures noisy."""

import math
from collections.abc import Sequence

from ssd_core.errors import UserError
from ssd_core.html.section import Section
from ssd_core.machine.advice import MachineWarning, warnings
from ssd_core.output.table import Table
from ssd_core.results.run import Run
from ssd_core.results.schema import TimedResult


def section(runs: Sequence[Run], labels: Sequence[str]) -> Section:
    """One column per run, and a row for each warning."""
    names = list(dict.fromkeys(name for run in runs for name in run.identity))
    rows = [[name.replace("_", " "), *(text_of(run.identity.get(name)) for run in runs)] for name in names]
    machines = Table(["machine", *(label or "value" for label in labels)], [row for row in rows if any(row[1:])])
    title = "Machine" if len(runs) == 1 else "Machines"
    return Section("machine", title, [_warnings(runs, labels), machines])


def text_of(value: object) -> str:
    """A value of JSON as a cell."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(map(text_of, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {text_of(one)}" for name, one in value.items())
    return "" if value is None else str(value)


def _warnings(runs: Sequence[Run], labels: Sequence[str]) -> Table:
    rows = [
        [f"{warning.what}{f' ({label})' if label else ''}", warning.how_much, warning.command]
        for run, label in zip(runs, labels, strict=True)
        for warning in _of(run)
    ]
    return Table(["what would make figures noisy", "how much", "command"], rows)


def _of(run: Run) -> list[MachineWarning]:
    """The warnings of a run; none if its file does not describe the machine as this version does."""
    drifts = [one.yardstick.drift for one in run.results if isinstance(one, TimedResult) and one.yardstick]
    largest = max(drifts, key=lambda one: abs(math.log(one)) if one > 0 else 0.0, default=1.0)
    try:
        return [] if run.jitter is None else warnings(dict(run.identity), run.jitter, largest)
    except (KeyError, TypeError, ValueError, ArithmeticError, UserError):
        return []
