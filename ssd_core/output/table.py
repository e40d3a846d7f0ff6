"""Table: a header, rows of cells and notes; as text and as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A header and rows of cells; the first column holds names."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    """Lines below the table."""

    def text(self) -> list[str]:
        """Aligned columns, the first to the left; empty without rows."""
        if not self.rows:
            return []
        cells = [self.header, *self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.header))]
        lines = []
        for first, *others in cells:
            right = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
            lines.append("  ".join([first.ljust(widths[0]), *right]).rstrip())
        return [lines[0], "-" * max(map(len, lines)), *lines[1:], *self.notes, ""]

    def markdown(self) -> list[str]:
        """A Markdown table; empty without rows."""
        if not self.rows:
            return []
        rule = ["---", *["---:"] * (len(self.header) - 1)]
        return [_pipes(row) for row in (self.header, rule, *self.rows)] + ["", *self.notes, ""]


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
