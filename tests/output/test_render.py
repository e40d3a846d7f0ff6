import csv
import io
import json

import pytest

from ssd_core.output.render import FORMATS, as_csv, as_json, table_of
from ssd_core.verdicts.compare import Comparison, Verdict
from ssd_core.verdicts.report import Report, Row

SLOWER = Comparison(1.05, 1.04, 1.06, 0.001, Verdict.REGRESSION, "+5.0%, wholly beyond")
SAME = Comparison(1.001, 0.99, 1.01, 0.5, Verdict.NO_CHANGE, "not shown")
GONE = Comparison(None, None, None, None, Verdict.MISSING, "only the baseline has it")
REPORT = Report(
    ("a.json", "b|c.json", "d.json"),
    ("one, 2 cores", "one, 2 cores", "two, 4 cores"),
    (
        Row("latency int8-batch1", "median ms", (20.0, 21.0, 20.02), (None, SLOWER, SAME)),
        Row("latency a|b", "median ms", (1234.5678, None, None), (None, GONE, None)),
    ),
    ("A note.",),
)


def test_the_table_says_all_and_explains_what_matters() -> None:
    table = table_of(REPORT)
    to_a = ("B to A, 95 % interval", "verdict", "C", "C to A, 95 % interval", "verdict")
    assert table.header == ["case", "figure", "A", "B", *to_a]
    first = ["20.00", "21.00", "+5.0% [+4.0%, +6.0%]", "regression", "20.02", "+0.1% [-1.0%, +1.0%]", "no change shown"]
    assert table.rows[0] == ["latency int8-batch1", "median ms", *first]
    assert table.rows[1] == ["latency a|b", "median ms", "1234.57", "", "", "missing", "", "", ""]
    lines = FORMATS["text"](REPORT).splitlines()
    header, rule, *rest = lines
    assert rule == "-" * max(map(len, (header, *rest[: len(table.rows)])))
    assert lines[4:7] == ["A: a.json (one, 2 cores)", "B: b|c.json (one, 2 cores)", "C: d.json (two, 4 cores)"]
    assert "latency int8-batch1, median ms, B: regression: +5.0%, wholly beyond" in lines
    assert not any("not shown" in line for line in lines)
    assert "A note." in lines
    assert lines[-1] == "1 regression, 1 no change shown, 1 missing."


def test_markdown_is_a_table_of_as_many_cells_a_row() -> None:
    lines = FORMATS["markdown"](REPORT).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + len(REPORT.rows)
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "latency a\\|b" in table[3]
    assert "A note." in lines


def test_csv_has_a_line_a_row_and_file_with_unrounded_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(REPORT))))
    assert len(rows) == 6
    assert rows[1] | {} == {
        "case": "latency int8-batch1",
        "figure": "median ms",
        "file": "b|c.json",
        "machine": "one, 2 cores",
        "value": "21.0",
        "ratio": "1.05",
        "low": "1.04",
        "high": "1.06",
        "p_value": "0.001",
        "verdict": "regression",
        "reason": "+5.0%, wholly beyond",
    }
    assert (rows[0]["verdict"], rows[3]["value"], rows[5]["value"]) == ("", "1234.5678", "")


def test_json_holds_everything() -> None:
    content = json.loads(as_json(REPORT))
    assert content["exit"] == 1
    assert content["files"] == list(REPORT.files)
    assert content["rows"][0]["comparisons"][0] is None
    assert content["rows"][0]["comparisons"][1]["verdict"] == "regression"
    assert content["rows"][1]["values"] == [1234.5678, None, None]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_ends_its_last_line(name: str) -> None:
    text = FORMATS[name](REPORT)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_many_files_have_names_too() -> None:
    many = 30
    wide = Report(("f",) * many, ("m",) * many, (Row("case", "AP", (0.5,) * many, (None,) * many),), ())
    assert "F30: f (m)" in FORMATS["text"](wide)
