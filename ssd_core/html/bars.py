"""A chart of horizontal bars: one per row, in the order of the rows."""

from collections.abc import Sequence
from typing import Any

from ssd_core.html.chart import WIDTH, Chart, Row, altair, data, drawn

_NAMES = 240  # pixels for the names


def chart(rows: Sequence[Row], caption: str, axis: str, colour: Any, row_height: int) -> Chart:
    """A bar for the `value` of each row, beside its `name`."""
    alt = altair()
    names = list(dict.fromkeys(row["name"] for row in rows))
    drawing = (
        alt.Chart(data(rows))
        .mark_bar(size=round(0.6 * row_height))
        .encode(
            y=alt.Y("name:N", sort=names, title=None),
            x=alt.X("value:Q", title=axis, stack=None),
            color=colour,
            description="said:N",
        )
        .properties(width=WIDTH - _NAMES, height=row_height * len(names))
    )
    return drawn(drawing, caption, "; ".join(row["said"] for row in rows))
