"""What an installation holds, and that other packages' names do no harm."""

import os
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

from ssd_core import __version__

ROOT = Path(__file__).resolve().parents[1]


def test_only_the_library_is_installed() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    installed = {name for name in packages for pattern in wanted["include"] if fnmatchcase(name, pattern)}
    assert {"fixtures", "tests"} <= packages
    assert installed == {"ssd_core"}
    folders = {path.parent for path in (ROOT / "ssd_core").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_another_package_called_fixtures_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "__init__.py").write_text("raise RuntimeError('the other one')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "bench", "--collect-only", "-q"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "test_latency[int8-batch1" in ended.stdout


def test_the_newest_release_in_the_changelog_is_the_version() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d", headings[1])
