"""The same tables in every format."""

import csv
import io
import json

from ssd_core.output.formats import FORMATS, as_csv, as_json, as_markdown, as_text
from ssd_core.output.table import Table

TABLES = [
    Table(["case", "images/s", "steady"], [["latency a|b", "60.00", "yes"], ["latency é", "8.32", "NO"]], ["A note."]),
    Table(["empty", "n"], []),
]


def test_text_and_markdown_are_the_tables_own() -> None:
    assert as_text(TABLES).splitlines() == TABLES[0].text()
    assert as_markdown(TABLES).splitlines() == TABLES[0].markdown()


def test_csv_has_a_line_a_cell() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(TABLES))))
    assert rows[0] == ["table", "row", "column", "value"]
    assert rows[1] == ["case", "latency a|b", "images/s", "60.00"]
    assert len(rows) == 1 + 2 * 2


def test_json_has_all_but_empty_tables() -> None:
    (table,) = json.loads(as_json(TABLES))
    assert table["header"] == TABLES[0].header
    assert table["rows"] == TABLES[0].rows
    assert table["notes"] == ["A note."]
    assert "é" in as_json(TABLES)


def test_no_tables_are_no_error() -> None:
    for form in FORMATS.values():
        assert isinstance(form([]), str)
