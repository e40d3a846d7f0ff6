"""A saved run is shown as the terminal showed it."""

import json
from pathlib import Path

import pytest

from ssd_core.__main__ import main
from ssd_core.output.formats import FORMATS
from tests.saved_runs import BenchmarkMaker, Saver


@pytest.mark.parametrize("said", [{}, {"images_per_second": 50.0}, {"schema_version": 0}])
def test_a_file_of_an_older_schema_is_shown(
    said: dict[str, object], benchmark_of: BenchmarkMaker, save: Saver, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it does not say is computed from its samples."""
    assert main(["show", str(save("a.json", [benchmark_of("latency", **said)])), "-v"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("latency int8-batch1-intra2")]
    rate, median_ms = map(float, row.split()[2:4])
    assert rate == pytest.approx(50, rel=0.01)
    assert median_ms == pytest.approx(20, rel=0.01)


def test_what_is_no_run_is_refused(tmp_path: Path, save: Saver, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b.json").write_text("{}")
    for path, words in (
        (tmp_path / "none.json", "cannot be read"),
        (tmp_path / "b.json", "is not pytest-benchmark's"),
        (save("c.json", []), "empty run"),
    ):
        assert main(["show", str(path)]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_asked_for(
    name: str, benchmark_of: BenchmarkMaker, save: Saver, capsys: pytest.CaptureFixture[str]
) -> None:
    accuracy = dict.fromkeys(("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_100"), 0.5)
    about = {
        "images": 5,
        "rounding": "fine",
        "protocol": "all images",
        "data": {"kind": "records", "origin": "demo"},
        "duration_s": 1.0,
    }
    path = save("a.json", [benchmark_of("accuracy", accuracy=accuracy, **about)])
    assert main(["show", str(path), "--format", name]) == 0
    said = capsys.readouterr().out
    assert "accuracy int8" in said
    assert "0.500" in said
    if name == "json":
        assert json.loads(said)[0]["rows"][0][0] == "accuracy int8"


@pytest.mark.parametrize("damage", [{"images_per_second": "abc"}, {"latency_ms": []}, {"steps": None, "yardstick": 3}])
def test_a_damaged_result_is_refused_in_a_sentence(
    damage: dict[str, object], benchmark_of: BenchmarkMaker, save: Saver, capsys: pytest.CaptureFixture[str]
) -> None:
    timed = {"images_per_second": 50.0, "latency_ms": {"mean": 20.0}, "steps": 200} | damage
    assert main(["show", str(save("a.json", [benchmark_of("latency", **timed)]))]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "a.json: bench/test_latency.py::test_latency[int8-batch1-intra2]: " in error
    assert error.endswith(": the file is damaged, measure again.\n")


def test_a_partial_run_is_said_to_be_one(
    benchmark_of: BenchmarkMaker, save: Saver, capsys: pytest.CaptureFixture[str]
) -> None:
    timed = {"images_per_second": 50.0, "latency_ms": {"mean": 20.0}, "steps": 200}
    path = save("a.json", [benchmark_of("latency", **timed)])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"partial": "1 of 2 cases measured"}))
    assert main(["show", str(path)]) == 0
    assert "a.json is of a partial run: 1 of 2 cases measured." in capsys.readouterr().err


def test_verbose_shows_all_figures(
    benchmark_of: BenchmarkMaker, save: Saver, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(save("a.json", [benchmark_of("latency", precision) for precision in ("fp32", "int8")]))
    assert main(["show", path]) == 0
    short = capsys.readouterr().out
    assert "measured one after the other" not in short
    assert main(["show", path, "--verbose"]) == 0
    assert "measured one after the other" in capsys.readouterr().out
