"""`python -m ssd_core history`: tables, a page, and what adds to the folder; or one sentence and nothing changed."""

import json
from pathlib import Path

import pytest

from ssd_core.__main__ import main
from tests.output.test_history_tables import AT, COUNT, stepped
from tests.saved_history import commit, latency, write_history, write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A history with a step down."""
    return write_history(tmp_path / "history", stepped())


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["history", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_step_down_fails_until_it_is_acknowledged(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--folder", folder)[0] == 0
    assert said(capsys, "--folder", folder, "--fail-on-step")[0] == 1
    since = ("--since", commit(AT + 5)[:10])
    assert said(capsys, "--folder", folder, "--fail-on-step", *since)[0] == 0, "the step is older"
    status, out, _ = said(capsys, "acknowledge", "latency *", commit(AT)[:9], "--why", "exact", "--folder", folder)
    assert (status, Path(out.strip()).parent) == (0, folder)
    status, out, _ = said(capsys, "--folder", folder, "--fail-on-step")
    assert (status, "acknowledged: exact" in out) == (0, True)


@pytest.mark.parametrize("form", ["markdown", "csv", "json"])
def test_it_is_printed_in_each_format(form: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "--folder", folder, "--case", "int8", "--format", form)
    assert (status, "latency int8-batch1-intra2" in out) == (0, True)
    if form == "json":
        assert [table["header"][0] for table in json.loads(out)] == ["series", "step in"]


def test_runs_are_imported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [write_run(tmp_path / f"{number}.json", number, [latency(20.0)]) for number in range(3)]
    added = said(capsys, "--folder", tmp_path / "new", "import", *files)
    assert added[:2] == (0, f"3 runs added to {tmp_path / 'new'}\n")
    again = said(capsys, "import", files[0], "--folder", tmp_path / "new")
    assert again[:2] == (0, f"0 runs added to {tmp_path / 'new'}, 1 were there already\n")


def test_a_page_has_a_chart_a_series_and_its_steps(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "history.html"
    assert said(capsys, "--folder", folder, "--output", page)[0] == 0
    text = page.read_text()
    assert f"{COUNT} runs, 1 steps; the tables below have them" in text
    assert f"{commit(AT - 1)[:9]}..{commit(AT)[:9]}, open" in text
    assert text.count("<svg") == 1
    assert text.startswith("<!doctype html>")


def test_a_damaged_file_is_named_and_the_status_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "0003.json").write_text("{")
    before = contents(folder)
    status, out, err = said(capsys, "--folder", folder)
    assert (status, "0003.json is truncated" in err, "latency int8" in out) == (4, True, True)
    assert said(capsys, "--folder", folder, "--fail-on-step")[0] == 1
    assert contents(folder) == before


def test_mistakes_are_a_sentence_and_change_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    for arguments, sentence in (
        (["--folder", "none"], "none is no folder of a history"),
        (["--folder", folder, "--case", "fp32"], "No case matches --case fp32: the history has latency int8"),
        (["--folder", folder, "--since", "neither"], "--since neither is neither a date nor a revision"),
        (["--folder", folder, "--since", "2030-01-01"], "No run is since 2030-01-01"),
        (["--folder", folder, "--output", folder], "history is a folder: give the name of a file"),
        (["--folder", folder, "acknowledge", "latency *", "000000000", "--why", "x"], "is of the commit '000000000'"),
        (["--folder", folder, "import", "none.json"], "none.json cannot be read"),
    ):
        status, out, err = said(capsys, *arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert sentence in err
    assert contents(folder) == before
