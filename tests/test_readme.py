"""The README and docs/ are the manual: what they name has to be there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ssd_core.__main__ import main
from tests.pages import MANUAL, PAGES, ROOT

README = "\n".join(page.read_text() for page in MANUAL)
MOST_WORDS = 1200  # of the README: one page
OF_OTHER_PROGRAMS = {
    *("--tag", "--file", "--editable", "--cpus", "--notest", "--python", "--clear"),  # podman's, tox's, pip's, venv's
    *("--wait", "--array", "--cpus-per-task", "--filename", "--for", "--timeout"),  # Slurm's, Kubernetes'
    *("--head", "--labels", "--generate"),  # Ray's
}


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
        [sys.executable, "-m", "tests.bisect_trials", "-h"],
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


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= MOST_WORDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_page_that_is_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)(?:#([^)]+))?\)", page.read_text())
    assert [link for link, _ in links if not (page.parent / link).exists()] == []
    assert [section for link, section in links if section and section not in sections(page.parent / link)] == []


def sections(page: Path) -> set[str]:
    """The names that links to a page's headings have."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", MANUAL[1:], ids=lambda page: page.name)
def test_a_page_answers_the_question_that_the_readme_says(page: Path) -> None:
    question = page.read_text().partition("\n")[0].removeprefix("# ")
    assert f"| [docs/{page.name}](docs/{page.name}) | {question} |" in (ROOT / "README.md").read_text()


def test_the_readme_links_every_page() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+)\)", (ROOT / "README.md").read_text()))
    assert linked == {str(page.relative_to(ROOT)) for page in MANUAL[1:]}


def test_pictures_of_the_manual_are_small() -> None:
    pictures = list((ROOT / "docs").glob("*.png"))
    assert len(pictures) >= 2
    assert sum(path.stat().st_size for path in pictures) <= 300_000
