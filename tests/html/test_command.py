"""`python -m ssd_core report`: a page, or one sentence and no half page."""

import json
from pathlib import Path

import pytest

from ssd_core.__main__ import main
from tests.html.conftest import series, write


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    status = main(["report", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def test_it_writes_a_page(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "new" / "report.html"
    assert said(capsys, saved, "--output", page) == (0, f"{page}\n")
    assert page.read_text().startswith("<!doctype html>")
    assert [path.name for path in page.parent.iterdir()] == ["report.html"]


def test_mistakes_are_a_sentence(
    saved: Path, noise_records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, empty, damaged = (tmp_path / name for name in ("report.html", "empty.json", "damaged.json"))
    empty.write_text(json.dumps({"machine_info": {}, "benchmarks": []}))
    damaged.write_text(saved.read_text()[:-9])
    timed = write(tmp_path / "timed.json", [series("int8", "latency")])
    others = tmp_path / "others"
    others.mkdir()
    for path in saved.parent.glob("detections_*.json"):
        found = json.loads(path.read_text())
        (others / path.name).write_text(json.dumps([one | {"image_id": 1} for one in found]))
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in saved.parent.glob("detections_*.json"):
        (broken / path.name).write_text('[{"image_id": 1}]')
    negative = tmp_path / "negative"
    negative.mkdir()
    for path in saved.parent.glob("detections_*.json"):
        found = json.loads(path.read_text())
        (negative / path.name).write_text(json.dumps([{**found[0], "image_id": -1}, *found]))
    mistakes: list[tuple[list[object], str]] = [
        ([tmp_path / "none.json"], "cannot be read"),
        ([empty], "nothing was measured"),
        ([damaged], "is truncated"),
        ([timed, "--detections", saved.parent], "has no accuracy, so there are no detections to draw"),
        ([saved, "--detections", tmp_path / "none"], "cannot be read"),
        ([saved, "--detections", others], "an AP of"),
        ([saved, "--detections", broken], "no detections in COCO's results format"),
        ([saved, "--detections", negative], "has detections in image -1, which was not evaluated"),
        ([saved, "--data-location", tmp_path / "none"], "cannot be read"),
        ([saved, "--annotations-file", damaged], "is not JSON"),
    ]
    for arguments, sentence in mistakes:
        status, printed = said(capsys, *arguments, "--output", page)
        assert status == 2, printed
        assert sentence in printed
        assert printed.startswith("error: ")
        assert printed.count("\n") == 1
        assert not page.exists()
    kept = saved.read_bytes()
    for output in (saved, tmp_path, saved / "below.html"):
        status, printed = said(capsys, saved, "--output", output)
        assert (status, printed.count("\n")) == (2, 1), printed
    assert saved.read_bytes() == kept
