"""Section: a titled part of the page, made of paragraphs, tables, charts and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

from ssd_core.html.chart import Chart
from ssd_core.html.picture import Picture
from ssd_core.output.table import Table

Block = str | Table | Chart | Picture
"""Text is one paragraph."""


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
