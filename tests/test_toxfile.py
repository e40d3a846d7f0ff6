"""Which Pythons and TensorFlows are asked for, and what is said on others."""

import platform
import re
import runpy
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("version", ["3.10.13", "3.15.0a3", "3.15.1"])
def test_another_python_is_refused_in_a_sentence(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: version)
    sentence = rf"^tox runs on Python {version}, but ssd-vgg16-bench needs Python >=3\.11,<3\.15: .*python3\.13 tox`\.$"
    with pytest.raises(SystemExit, match=sentence):
        runpy.run_path(str(ROOT / "toxfile.py"))


@pytest.mark.parametrize("version", ["3.11.0", "3.13.0", "3.14.0rc1", "3.14.10"])
def test_a_python_that_has_wheels_is_taken(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: version)
    runpy.run_path(str(ROOT / "toxfile.py"))


def test_the_page_names_the_versions_that_are_installed() -> None:
    page = (ROOT / "docs" / "versions.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [ROOT / "tests" / f"tensorflow-{name}.txt" for name in ("oldest", "newest")]
    asked = "\n".join([*project["dependencies"], *(path.read_text() for path in lists)])
    versions = re.findall(r"^tensorflow(?:-cpu)?==([\w.]+)", asked, re.MULTILINE)
    assert len(versions) == 12
    assert [version for version in versions if version not in page] == []
