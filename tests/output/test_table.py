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
    assert table.markdown() == ["| name | n |", "| --- | ---: |", "| a | 10 |", "| longer | 1 |", ""]
    assert Table(["name"], []).text() == Table(["name"], []).markdown() == []


def test_text_is_left_aligned_and_numbers_are_right_aligned_in_markdown_too() -> None:
    table = Table(
        ["case", "rate", "change", "outcome"],
        [["a", "9.5 ± 0.1%", "+1.25%", "kept"], ["b", "", "?", "too noisy to tell"], ["c", "12", "-3%", ""]],
    )
    assert table.numeric == [False, True, True, False]
    assert table.text()[2:5] == [
        "a     9.5 ± 0.1%  +1.25%  kept",
        "b                      ?  too noisy to tell",
        "c             12     -3%",
    ]
    assert table.markdown()[1] == "| --- | ---: | ---: | --- |"


def test_notes_stand_below_and_not_without_rows() -> None:
    assert Table(["name"], [["a"]], ["one", "two"]).text() == ["name", "----", "a", "one", "two", ""]
    assert Table(["name"], [["a"]], ["one", "two"]).markdown()[-5:] == ["", "one", "", "two", ""]
    assert Table(["name"], [], ["one"]).text() == Table(["name"], [], ["one"]).markdown() == []


def test_without_a_header_a_table_is_its_notes() -> None:
    assert Table([], [], ["one", "two"]).text() == ["one", "two", ""]
    assert Table([], [], ["one", "two"]).markdown() == ["one", "", "two", ""]
    assert Table([], []).text() == Table([], []).markdown() == []


def test_empty_columns_are_left_out_of_a_filled_table() -> None:
    filled = Table(["case", "p99 ms", "AP"], [["a", "", "0.5"], ["b", "", ""]], ["note"]).filled
    assert filled == Table(["case", "AP"], [["a", "0.5"], ["b", ""]], ["note"])
    assert Table(["case"], []).filled == Table(["case"], [])


@given(ROWS)
def test_each_column_has_one_place_in_every_line_and_is_no_wider_than_its_widest_cell(rows: list[list[str]]) -> None:
    header, *others = rows
    table = Table(header, others)
    first, _, *lines, _ = table.text()
    ends = [0]
    for column in zip(*rows, strict=True):
        ends.append(ends[-1] + max(map(len, column)) + 2)
    for line, row in zip((first, *lines), rows, strict=True):
        padded = line.ljust(ends[-1])
        shown = [padded[start : end - 2] for start, end in pairwise(ends)]
        for cell, space, right in zip(row, shown, table.numeric, strict=True):
            assert space == (cell.rjust(len(space)) if right else cell.ljust(len(space)))


@given(ROWS)
def test_a_pipe_within_a_cell_ends_no_cell_of_markdown(rows: list[list[str]]) -> None:
    for line in Table(rows[0], rows[1:]).markdown()[:-1]:
        assert line.replace("\\|", "").count("|") == len(rows[0]) + 1
