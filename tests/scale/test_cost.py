"""The script of the costs, on a few images."""

from pathlib import Path

import pytest

from tests.scale import cost


def test_each_step_gets_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cost.main(["8", "--folder", str(tmp_path), "--detections", "3"])
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in table[2:]] == [
        *("--processes 2", "--shard 1/4", "evaluation of 3 an image"),
    ]
    assert not (tmp_path / "records").exists()


def test_a_step_that_fails_ends_the_script(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="a step of 8 images ended with status 3"):
        cost.measured("a step", 8, ["-c", "raise SystemExit(3)"])
