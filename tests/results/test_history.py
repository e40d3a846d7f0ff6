"""The folder of a history: what is added, what is read, and what never changes."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.errors import UserError
from ssd_core.results import history as store
from ssd_core.results import summary
from ssd_core.results.history import acknowledge, add, chosen, read_history
from ssd_core.results.parts import Data
from ssd_core.results.run import read_run
from ssd_core.results.schema import TimedResult
from tests.saved_history import commit, latency, write_history, write_run


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_is_added_once_as_a_plain_file_without_a_second_copy_of_its_durations(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.json", 1, [latency(20.0)])
    folder = tmp_path / "history"
    (added,) = add([path], folder)
    assert added.name.startswith("20260102T000000_")
    assert add([path], folder) == []
    (before,), (after,) = read_run(path).results, read_run(added).results
    assert before == after
    assert "data" not in json.loads(added.read_bytes())["benchmarks"][0]["stats"]
    assert contents(folder).keys() == {added.name}


def test_nothing_is_added_if_one_file_is_no_whole_run(tmp_path: Path) -> None:
    whole = write_run(tmp_path / "whole.json", 1, [latency(20.0)])
    partial = write_run(tmp_path / "partial.json", 2, [latency(20.0)], partial="1 of 2 cases measured")
    for bad in (partial, tmp_path / "none.json"):
        with pytest.raises(UserError, match=bad.name):
            add([whole, bad], tmp_path / "history")
        assert not (tmp_path / "history").exists()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file"):
        add([whole], tmp_path / "file")


def _add(path: Path, folder: Path) -> None:
    add([path], folder)


def test_many_writers_at_once_leave_each_run_once(tmp_path: Path) -> None:
    paths = [write_run(tmp_path / f"{number}.json", number, [latency(20.0, number)]) for number in range(6)]
    folder = tmp_path / "history"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(_add, [(path, folder) for path in paths * 3])
    history = read_history(folder)
    assert (history.runs, history.left_out) == (6, ())
    assert len(contents(folder)) == 6


def test_a_reader_sees_no_file_that_is_being_written(tmp_path: Path) -> None:
    folder = write_history(tmp_path / "history", [20.0, 20.0])
    (folder / ".0002.json.abcd.part").write_text("{")
    (folder / ".hidden.json").write_text("{")
    (folder / "README.md").write_text("# A history")
    assert (read_history(folder).runs, read_history(folder).left_out) == (2, ())


def test_a_damaged_file_is_named_and_left_out(tmp_path: Path) -> None:
    folder = write_history(tmp_path / "history", [20.0, 20.0])
    (folder / "0001.json").write_text('{"benchmarks": [')
    (folder / "acknowledged_1.json").write_text("{}")
    before = contents(folder)
    history = read_history(folder)
    assert history.runs == 1
    assert ["0001.json is truncated" in history.left_out[0], "is no acknowledgement" in history.left_out[1]] == [
        True
    ] * 2
    assert contents(folder) == before


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.touch(), lambda path: path.mkdir()])
def test_a_folder_that_is_none_or_empty_is_a_sentence(tmp_path: Path, make: object) -> None:
    make(tmp_path / "history")  # type: ignore[operator]
    with pytest.raises(UserError, match="`pytest bench --save-history"):
        read_history(tmp_path / "history")


def test_points_are_in_the_order_of_their_commits(tmp_path: Path) -> None:
    write_run(tmp_path / "late.json", 5, [latency(25.0)])
    write_run(tmp_path / "early.json", 1, [latency(21.0)])
    write_run(tmp_path / "old.json", 9, [latency(20.0)], commit_info={"id": commit(0), "time": "2026-01-01T00:00:00Z"})
    (series,) = read_history(tmp_path).series
    assert [point.file for point in series.points] == ["old.json", "early.json", "late.json"]


@pytest.mark.parametrize(
    ("run", "field"),
    [
        ({"results": {"graph_sha256": "cd" * 32}}, "graph_sha256"),
        ({"results": {"data": Data("records", "x", 5, "0")}}, "data.kind"),
        ({"results": {"num_intra_threads": 1}}, ""),
        ({"results": {"graph_sha256": None}}, ""),
        ({"identity": {"cpu_model": "Another"}}, "cpu_model"),
        ({"identity": {"kernel": "6.2"}}, "kernel"),
        ({"identity": {"hostname": "there"}}, None),
    ],
)
def test_unlike_runs_share_no_series(tmp_path: Path, run: dict[str, Any], field: str | None) -> None:
    write_run(tmp_path / "a.json", 1, [latency(20.0, data=Data("dummy"))])
    result = latency(20.0, **{"data": Data("dummy"), **run.get("results", {})})
    write_run(tmp_path / "b.json", 2, [result], identity=run.get("identity", {}))
    series = read_history(tmp_path).series
    assert len(series) == (1 if field is None else 2)
    if field:
        assert field in " ".join(map(str, series[0].unlike(series[1])))
        assert len(read_history(tmp_path, [field.partition(".")[0]]).series) == 1


def test_a_pattern_chooses_series_and_one_without_a_match_is_a_sentence(tmp_path: Path) -> None:
    history = read_history(write_history(tmp_path, [20.0]))
    for pattern in ("", "int8", "latency*batch1", "LATENCY".lower()):
        assert len(chosen(history, pattern)) == 1
    with pytest.raises(UserError, match="No case matches --case fp32: the history has latency int8-batch1-intra2"):
        chosen(history, "fp32")


def test_an_acknowledgement_is_a_file_of_its_own(tmp_path: Path) -> None:
    folder = write_history(tmp_path, [20.0, 21.0])
    before = contents(folder)
    path = acknowledge(read_history(folder), "latency *", commit(1)[:8], "the new decoder")
    assert contents(folder).items() >= before.items()
    (known,) = read_history(folder).acknowledged
    assert (known.case, known.commit, known.why) == ("latency *", commit(1)[:8], "the new decoder")
    assert path.name in contents(folder)


@pytest.mark.parametrize(
    ("name", "revision", "sentence"),
    [
        ("latency fp32*", commit(1), "No case is called 'latency fp32\\*'"),
        ("latency *", "0000000", "No run of latency \\* is of the commit '0000000'"),
        ("latency *", commit(1)[:3], "No run of"),
    ],
)
def test_an_acknowledgement_of_nothing_changes_nothing(tmp_path: Path, name: str, revision: str, sentence: str) -> None:
    folder = write_history(tmp_path, [20.0, 21.0])
    before = contents(folder)
    with pytest.raises(UserError, match=sentence):
        acknowledge(read_history(folder), name, revision, "why")
    assert contents(folder) == before


def test_each_file_is_decoded_once_however_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cases depend on is read from the first file, and the samples from none."""
    folder = write_history(tmp_path, [20.0] * 30)
    described: list[Path] = []
    whole = summary._origin

    def origin(path: Path, content: bytes, place: int) -> summary.Origin | None:
        described.append(path)
        return whole(path, content, place)

    monkeypatch.setattr(summary, "_origin", origin)
    monkeypatch.setattr(summary, "read_run", lambda path: pytest.fail("read from its samples"))
    assert len(read_history(folder).series[0].points) == 30
    assert len(described) == 1


@given(date=st.text(max_size=30), content=st.binary(max_size=9))
def test_any_date_makes_a_plain_name(date: str, content: bytes) -> None:
    name = store._name(date, content)
    assert "/" not in name
    assert not name.startswith(".")
    assert name.endswith(".json")


def test_timed_results_keep_their_samples(tmp_path: Path) -> None:
    (added,) = add([write_run(tmp_path / "run.json", 1, [latency(20.0)])], tmp_path / "history")
    (result,) = read_run(added).results
    assert isinstance(result, TimedResult)
    assert result.samples.count == 40
