"""Render: a report as a table, and as CSV and JSON with its numbers unrounded."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict

from ssd_core.output import formats
from ssd_core.output.table import Table
from ssd_core.stats.figures import OF_AP, PLAIN
from ssd_core.verdicts.compare import Comparison, Verdict, describe
from ssd_core.verdicts.report import Report, Row

_QUIET = (Verdict.NO_CHANGE, Verdict.NEW, Verdict.MISSING)  # verdicts that need no explanation below the table


def table_of(report: Report) -> Table:
    """One row per figure; below the table the files, the reasons of the verdicts that need one, and the notes."""
    names = letters(len(report.files))
    header = ["case", "figure", names[0]]
    for name in names[1:]:
        header += [name, f"{name} to {names[0]}, 95 % interval", "verdict"]
    notes = [*_legend(report), *_explanations(report), *report.notes, _count(report)]
    return Table(header, [_cells(row) for row in report.rows], notes)


def as_csv(report: Report) -> str:
    """One line per row and file, without a comparison for the first file; numbers unrounded."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ("case", "figure", "file", "machine", "value", "ratio", "low", "high", "p_value", "verdict", "reason")
    )
    for row in report.rows:
        for index, (value, comparison) in enumerate(zip(row.values, row.comparisons, strict=True)):
            cells = asdict(comparison).values() if comparison else [None] * 6
            writer.writerow([row.case, row.figure, report.files[index], report.machines[index], value, *cells])
    return stream.getvalue()


def as_json(report: Report) -> str:
    """The whole report, numbers unrounded."""
    return json.dumps(asdict(report) | {"exit": int(report.exit)}, indent=2, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": lambda report: formats.as_text([table_of(report)]).rstrip() + "\n",
    "markdown": lambda report: formats.as_markdown([table_of(report)]).rstrip() + "\n",
    "csv": as_csv,
    "json": as_json,
}


def _cells(row: Row) -> list[str]:
    cells = [row.case, row.figure, _number(row, row.values[0])]
    for value, comparison in zip(row.values[1:], row.comparisons[1:], strict=True):
        cells += [_number(row, value), _interval(comparison), str(comparison.verdict) if comparison else ""]
    return cells


def _interval(comparison: Comparison | None) -> str:
    if comparison is None or comparison.ratio is None:
        return ""
    if comparison.low is None or comparison.high is None:
        return describe(comparison.ratio)
    return f"{describe(comparison.ratio)} [{describe(comparison.low)}, {describe(comparison.high)}]"


def _legend(report: Report) -> list[str]:
    described = zip(letters(len(report.files)), report.files, report.machines, strict=True)
    return [f"{letter}: {file} ({machine})" for letter, file, machine in described]


def _explanations(report: Report) -> list[str]:
    names = letters(len(report.files))
    return [
        f"{row.case}, {row.figure}, {names[index]}: {comparison.verdict}: {comparison.reason}"
        for row in report.rows
        for index, comparison in enumerate(row.comparisons)
        if comparison is not None and comparison.verdict not in _QUIET
    ]


def _count(report: Report) -> str:
    verdicts = [comparison.verdict for comparison in report.comparisons]
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdict in verdicts) + "."


def letters(files: int) -> list[str]:
    """A short name for each of so many files, of which the first is A."""
    return [chr(ord("A") + index) if index < 26 else f"F{index + 1}" for index in range(files)]


def _number(row: Row, value: float | None) -> str:
    return "" if value is None else format(value, OF_AP if row.figure == "AP" else PLAIN)
