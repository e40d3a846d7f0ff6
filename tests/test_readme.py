"""The README is the manual: what it names has to be there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ssd_core.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
OF_OTHER_PROGRAMS = {"--tag", "--file", "--editable", "--cpus"}  # podman's and pip's


def options_of(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    return flags(capsys.readouterr().out)


def flags(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text))


def test_every_option_that_is_named_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    commands = set(re.findall(r"python -m ssd_core ([a-z][\w-]+)", README))
    assert {"quantize", "export-graph", "compare", "generate-coco-records"} <= commands
    known = set().union(*(options_of(command, capsys) for command in commands))
    for program in (
        [sys.executable, "-m", "pytest", "--help"],
        [sys.executable, "-m", "ssd_core.upstream.launch_benchmark", "-h"],
    ):
        known |= flags(subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert flags(README) - known - OF_OTHER_PROGRAMS == set()


def test_every_option_of_ours_is_named() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours = listed.stdout.split("SSD-VGG16 inference benchmarks:")[1].split("\n\n")[0]
    assert len(flags(ours)) > 20
    assert flags(ours) - flags(README) == set()


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(bench/[\w.]+|ssd_core/[\w/.]+)`", README))
    assert "bench/thresholds.toml" in named
    assert [name for name in named if not (ROOT / name).exists()] == []
