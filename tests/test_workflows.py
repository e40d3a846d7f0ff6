"""CI's workflows and the hooks before a commit: they parse, and the commands in them exist and run."""

import configparser
import os
import re
import subprocess
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ssd_core.__main__ import main
from ssd_core.demo import places
from tests.clone import benchmark_of as benchmark_of  # fixtures
from tests.clone import clone as clone
from tests.clone import save as save
from tests.pages import ROOT, Block, blocks

WORKFLOWS = {path.name: path for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
HOOKS = ROOT / ".pre-commit-config.yaml"
MEASURE = "pipx run tox -e bench -- "
HISTORY = (
    "python -m ssd_core history --format markdown --output history.html > history.md",
    "python -m ssd_core history --fail-on-step",
)
SUMMARY = (
    'cat history.md >> "$GITHUB_STEP_SUMMARY"',
    'gh pr comment "$PULL_REQUEST" --edit-last --create-if-none --body-file history.md',
)

# Runs what tox.ini's environment `bench` runs, in the environment that is there.
PIPX = """#!/bin/bash -e
[ "$1 $2 $3 $4" = "run tox -e bench" ]
shift 4
[ "$1" = -- ] && shift
exec COMMAND "$@"
"""


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in read(WORKFLOWS[name])["jobs"].values():
        yield from job.get("steps", ())


def commands(name: str) -> list[str]:
    return [line for step in steps(name) for line in step.get("run", "").splitlines()]


def environments() -> dict[str, str]:
    """tox.ini's environments and the commands of each."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    return {name.removeprefix("testenv:"): tox[name].get("commands", "") for name in tox.sections()}


def test_the_workflows_are_those_that_the_pages_name() -> None:
    assert set(WORKFLOWS) == {"gate.yml", "history.yml", "pull-request.yml", "tests.yml"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_job_has_a_machine_and_a_limit_or_is_a_call(name: str) -> None:
    document = read(WORKFLOWS[name])
    assert True in document or "on" in document  # YAML 1.1 reads `on` as true
    for job in document["jobs"].values():
        assert {"runs-on", "timeout-minutes", "steps"} <= job.keys() or "uses" in job


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_command_exists(name: str) -> None:
    known = environments()
    for line in commands(name):
        if line.startswith("pipx run"):
            environment = re.search(r" tox(?: -e ([\w-]+))?( |$)", line)
            assert environment, line
            assert environment[1] is None or environment[1] in known, line
        elif line.startswith("sudo "):
            assert os.access(ROOT / line.removeprefix("sudo "), os.X_OK), line
        else:
            known_lines = (". .tox/bench/bin/activate", 'bash -ec "$MAKE_GRAPH"', *SUMMARY, *HISTORY)
            assert line in known_lines, line


def test_the_call_gives_the_gate_what_it_takes() -> None:
    (job,) = read(WORKFLOWS["pull-request.yml"])["jobs"].values()
    assert job["uses"] == "./.github/workflows/gate.yml"
    inputs = read(WORKFLOWS["gate.yml"])[True]["workflow_call"]["inputs"]
    assert job["with"].keys() <= inputs.keys()
    assert {name for name, given in inputs.items() if given.get("required")} <= job["with"].keys()


def test_the_gates_commands_measure_and_judge(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(clone, "pipx", PIPX.replace("COMMAND", environments()["bench"].replace("{posargs}", "").strip()), monkeypatch)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(clone / "summary.md"))
    monkeypatch.setenv("BASELINE", "main")
    measuring = [line for name in ("gate.yml", "history.yml") for line in commands(name) if line.startswith(MEASURE)]
    order = sorted(measuring, key=lambda line: "--baseline" in line)  # a push saves it before a pull request reads it
    assert len(order) == 4
    for line in order:
        report = clone / "verdicts.xml"
        report.unlink(missing_ok=True)
        ended = subprocess.run(["bash", "-ec", line], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        if "--save-baseline" in line:
            assert (clone / ".benchmarks/baselines/main.json").is_file()
        elif "--save-history" in line:
            for command in (*HISTORY, SUMMARY[0]):
                subprocess.run(["bash", "-ec", command], check=True)
            assert "| series | runs |" in (clone / "summary.md").read_text()
        else:
            asked = "against graph=base.pb" if "--against" in line else "baseline main"
            assert f'name="{asked}"' in report.read_text()
    assert "| latency int8-batch1-" in (clone / "summary.md").read_text()


def test_the_projects_own_call_copies_the_demos_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "records").mkdir()
    for name in ("records/val-1", "annotations.json", *(f"{precision}.pb" for precision in places.PRECISIONS)):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(places, "complete", lambda: True)
    monkeypatch.setattr(places, "records", lambda: tmp_path / "records")
    monkeypatch.setattr(places, "annotations", lambda: tmp_path / "annotations.json")
    monkeypatch.setattr(places, "graph", lambda precision: tmp_path / f"{precision}.pb")
    assert main(["demo"]) == 0
    (tmp_path / "printed").write_text(capsys.readouterr().out)
    stub(tmp_path, "python", f"#!/bin/bash\ncat {tmp_path}/printed\n", monkeypatch)
    monkeypatch.setenv("GRAPH", str(tmp_path / "new.pb"))
    (job,) = read(WORKFLOWS["pull-request.yml"])["jobs"].values()
    subprocess.run(["bash", "-ec", job["with"]["make-graph"]], check=True)
    assert (tmp_path / "new.pb").read_text() == "int8.pb"


def stub(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program at the front of PATH."""
    program = folder / "stubs" / name
    program.parent.mkdir()
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@pytest.mark.parametrize("block", list(blocks("yaml")), ids=str)
def test_what_a_page_quotes_is_in_a_file_that_is_tested(block: Block) -> None:
    assert yaml.safe_load(block.text)
    texts = [path.read_text() for path in (*WORKFLOWS.values(), *(ROOT / "docs/examples").glob("*.yml"))]
    assert any(textwrap.indent(block.text, " " * depth) in text for text in texts for depth in range(0, 9, 2))


def test_the_hooks_have_the_projects_versions() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    hooks = {hook["id"]: hook for repository in read(HOOKS)["repos"] for hook in repository["hooks"]}
    assert set(hooks) == {"ruff-check", "ruff-format", "mypy"}
    for name in ("ruff-check", "ruff-format"):
        assert hooks[name]["additional_dependencies"] == groups["lint"]
    assert hooks["mypy"]["entry"] == "pipx run tox -e types"
    assert "types" in environments()


def test_every_python_that_the_readme_names_is_tested() -> None:
    named = set(re.findall(r"3\.1\d", (ROOT / "README.md").read_text().partition("[pipx]")[0]))
    matrix = read(WORKFLOWS["tests.yml"])["jobs"]["pythons"]["strategy"]["matrix"]["python"]
    assert {*matrix, "3.12"} == named  # .ci/run has Ubuntu 24.04's 3.12
    assert len(named) == 4
