"""A table as text and as Markdown."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ssd_core.output.table import Table

CELLS = st.text("abc 1.|", max_size=8)
ROWS = st.integers(1, 4).flatmap(
    lambda columns: st.lists(st.lists(CELLS, min_size=columns, max_size=columns), min_size=2, max_size=5)
)


def test_a_table_is_aligned_and_empty_without_rows() -> None:
    table = Table(["name", "n"], [["a", "10"], ["longer", "1"]])
    assert table.text() == ["name     n", "----------", "a       10", "longer   1", ""]
    assert table.markdown() == ["| name | n |", "| --- | ---: |", "| a | 10 |", "| longer | 1 |", "", ""]
    assert Table(["name"], []).text() == Table(["name"], []).markdown() == []


def test_notes_stand_below_and_not_without_rows() -> None:
    assert Table(["name"], [["a"]], ["one", "two"]).text() == ["name", "----", "a", "one", "two", ""]
    assert Table(["name"], [["a"]], ["one", "two"]).markdown()[-4:] == ["", "one", "two", ""]
    assert Table(["name"], [], ["one"]).text() == Table(["name"], [], ["one"]).markdown() == []


@given(ROWS)
def test_each_column_ends_at_one_place_in_every_line_and_is_no_wider_than_its_widest_cell(
    rows: list[list[str]],
) -> None:
    header, *others = rows
    first, _, *lines, _ = Table(header, others).text()
    ends = [0]
    for column in zip(*rows, strict=True):
        ends.append(ends[-1] + max(map(len, column)) + 2)
    for line, row in zip((first, *lines), rows, strict=True):
        padded = line.ljust(ends[-1])
        shown = [padded[start : end - 2] for start, end in pairwise(ends)]
        assert shown[0] == row[0].ljust(len(shown[0]))
        assert shown[1:] == [cell.rjust(len(space)) for cell, space in zip(row[1:], shown[1:], strict=True)]


@given(ROWS)
def test_a_pipe_within_a_cell_ends_no_cell_of_markdown(rows: list[list[str]]) -> None:
    for line in Table(rows[0], rows[1:]).markdown()[:-2]:
        assert line.replace("\\|", "").count("|") == len(rows[0]) + 1
