"""Baselines: found by path, by name and by revision."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.results.baselines import FOLDER, find, read_baseline


def write(path: Path, commit: str | None = None, age_s: int = 0, dirty: bool = False) -> Path:
    """A file of one result, `age_s` seconds old."""
    info = {"schema_version": 1, "kind": "latency", "precision": "fp32", "batch_size": 1, "samples_ns": [[1000, 1001]]}
    document = {
        "machine_info": {},
        "commit_info": {"id": commit, "dirty": dirty} if commit else {},
        "benchmarks": [{"name": "test_latency", "extra_info": info}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    os.utime(path, (1_700_000_000 - age_s,) * 2)
    return path


def git(root: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(root), *settings, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits, the first tagged v1, and a branch."""
    git(tmp_path, "init", "-q", "-b", "trunk")
    for message in ("first", "second"):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", message)
    git(tmp_path, "tag", "v1", "HEAD~1")
    git(tmp_path, "branch", "side")
    return tmp_path


def test_by_path_then_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = write(tmp_path / "elsewhere" / "run.json")
    named = write(tmp_path / FOLDER / "monday.json")
    assert find(str(elsewhere), tmp_path) == elsewhere
    assert find("monday", tmp_path) == named
    monkeypatch.chdir(elsewhere.parent)
    assert find("run.json", tmp_path) == Path("run.json")
    write(elsewhere.parent / "monday")
    assert find("monday", tmp_path) == Path("monday"), "a file that is there is what was meant"


@pytest.mark.parametrize(
    ("revision", "found"),
    [("HEAD", "new"), ("trunk", "new"), ("side", "new"), ("HEAD~1", "old"), ("v1", "old"), ("short", "old")],
)
def test_by_revision(repository: Path, revision: str, found: str) -> None:
    first, second = git(repository, "rev-parse", "HEAD~1"), git(repository, "rev-parse", "HEAD")
    write(repository / FOLDER / "old.json", first)
    write(repository / FOLDER / "new.json", second)
    write(repository / FOLDER / "unknown.json")
    (repository / FOLDER / "broken.json").write_text("[")
    (repository / FOLDER / "list.json").write_text("[]")
    wanted = first[:8] if revision == "short" else revision
    assert find(wanted, repository) == repository / FOLDER / f"{found}.json"


def test_a_dirty_tree_is_no_revision(repository: Path) -> None:
    write(repository / FOLDER / "dirty.json", git(repository, "rev-parse", "HEAD"), dirty=True)
    with pytest.raises(UserError, match="There is no baseline 'HEAD'"):
        find("HEAD", repository)


def test_of_several_at_a_revision_the_newest_counts_and_a_name_comes_first(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    for name, age_s in (("a", 30), ("b", 10), ("c", 20)):
        write(repository / FOLDER / f"{name}.json", commit, age_s)
    assert find("HEAD", repository).stem == "b"
    git(repository, "tag", "c")
    assert find("c", repository).stem == "c"


def test_what_is_not_there_is_said_with_what_is(repository: Path) -> None:
    with pytest.raises(UserError, match=r"no baseline 'nonesuch' \(saved are: none\)"):
        find("nonesuch", repository)
    write(repository / FOLDER / "b.json", age_s=5)
    write(repository / FOLDER / "a.json")
    for wanted in ("nonesuch", "HEAD", "--all", ""):  # a revision at which nothing was measured is none either
        with pytest.raises(UserError, match=r"saved are: a, b\): save one with --save-baseline, or give a file"):
            find(wanted, repository)


def test_without_git_there_are_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / FOLDER / "a.json", "0" * 40)
    monkeypatch.setenv("PATH", "")
    assert find("a", tmp_path).stem == "a"
    with pytest.raises(UserError, match="saved are: a"):
        find("HEAD", tmp_path)


def test_a_baseline_is_a_whole_run_that_can_be_compared(tmp_path: Path) -> None:
    path = write(tmp_path / "run.json")
    assert [str(case) for case in read_baseline(path).compared] == ["latency fp32-batch1"]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"partial": "1 of 6 cases measured"}))
    with pytest.raises(UserError, match=r"is of a partial run \(1 of 6 cases measured\), which is no baseline"):
        read_baseline(path)
