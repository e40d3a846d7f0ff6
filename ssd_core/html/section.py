"""Section: a titled part of the page, made of paragraphs, tables, charts and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ssd_core.html.chart import Chart
from ssd_core.html.picture import Picture
from ssd_core.output.table import Table

Block = str | Table | Chart | Picture
"""Text is one paragraph."""


def of_run(table: Table, label: str) -> Table:
    """A table that says which run it is of, if there are several."""
    if not label or not table.rows:
        return table
    return replace(table, header=[f"{table.header[0]} ({label})", *table.header[1:]])


@dataclass(frozen=True)
class Section:
    """A part of the page, which is left out if it shows nothing; `name` is its place, as links name it."""

    name: str
    title: str
    blocks: Sequence[Block]
    why_empty: str = ""
    """Why there is nothing to show, if that is not plain."""

    @property
    def filled(self) -> bool:
        """Whether there is a chart or a picture, or a table with rows."""
        return any(isinstance(one, Chart | Picture) or (isinstance(one, Table) and one.rows) for one in self.blocks)
