"""Table: a header, rows of cells and notes; as text and as Markdown. Text is left-aligned, numbers right-aligned."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"[+-]?\d")  # how a cell with a number begins; its unit or its interval may follow
_UNKNOWN = ("", "-", "?")  # cells of a column of numbers that hold none


@dataclass(frozen=True)
class Table:
    """A header and rows of cells; the first column holds names. Without a header it is its notes alone."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    """Lines below the table."""

    @property
    def filled(self) -> "Table":
        """The table without its empty columns."""
        if not self.rows:
            return self
        kept = [place for place in range(len(self.header)) if any(row[place] for row in self.rows)]
        return Table(
            [self.header[place] for place in kept], [[row[place] for place in kept] for row in self.rows], self.notes
        )

    @property
    def numeric(self) -> list[bool]:
        """Whether each column holds numbers."""
        return [_is_numeric(column) for column in zip(*self.rows, strict=True)]

    def text(self) -> list[str]:
        """Aligned columns; empty if there is a header and no rows."""
        if not self.header:
            return [*self.notes, ""] if self.notes else []
        if not self.rows:
            return []
        cells = [self.header, *self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.header))]
        lines = []
        for row in cells:
            columns = zip(row, widths, self.numeric, strict=True)
            aligned = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in columns]
            lines.append("  ".join(aligned).rstrip())
        return [lines[0], "-" * max(map(len, lines)), *lines[1:], *self.notes, ""]

    def markdown(self) -> list[str]:
        """A Markdown table, with each note in a paragraph of its own; empty if there is a header and no rows."""
        notes = [line for note in self.notes for line in (note, "")]
        if not self.header:
            return notes
        if not self.rows:
            return []
        rule = ["---:" if right else "---" for right in self.numeric]
        return [_pipes(row) for row in (self.header, rule, *self.rows)] + ["", *notes]


def _is_numeric(column: Sequence[str]) -> bool:
    known = [cell for cell in column if cell not in _UNKNOWN]
    return bool(known) and all(_NUMBER.match(cell) for cell in known)


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
