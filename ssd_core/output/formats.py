"""Tables in each output format. To add a format, add a function and its name in FORMATS."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from ssd_core.output.table import Table


def as_text(tables: Sequence[Table]) -> str:
    """Aligned columns, as the terminal shows them."""
    return "\n".join(line for table in tables for line in table.text()) + "\n"


def as_markdown(tables: Sequence[Table]) -> str:
    """Tables for a pull request or $GITHUB_STEP_SUMMARY."""
    return "\n".join(line for table in tables for line in table.markdown()) + "\n"


def as_csv(tables: Sequence[Table]) -> str:
    """One line per cell: the table (by its first column's title), the row, the column and the value."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("table", "row", "column", "value"))
    for table in tables:
        for name, *cells in table.rows:
            writer.writerows((table.header[0], name, *both) for both in zip(table.header[1:], cells, strict=True))
    return stream.getvalue()


def as_json(tables: Sequence[Table]) -> str:
    """A list of tables with `header`, `rows` and `notes`, without empty ones."""
    return json.dumps([asdict(table) for table in tables if table.rows], indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Sequence[Table]], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "csv": as_csv,
    "json": as_json,
}
