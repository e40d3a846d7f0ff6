"""Baselines: a run's results saved under a name, to compare later runs with. Plain pytest-benchmark JSON."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.files import replacing, writable_folder
from ssd_core.results.run import Run, read_compared

FOLDER = Path(".benchmarks") / "baselines"


def check_replaceable(path: Path, left_out: Sequence[str]) -> None:
    """UserError if a baseline cannot be written, or would lose cases that this run's selection leaves out."""
    writable_folder(path.parent)
    if left_out:
        raise UserError(
            f"--save-baseline {path.stem} would lose {len(left_out)} cases that the baseline has and this selection"
            f" leaves out ({left_out[0]}, ...): give another name, select them too, or remove {path}."
        )


def save(results: Path, target: Path) -> None:
    """Save a file of results as a baseline, completely or not at all; UserError if that fails."""
    with replacing(target) as temporary:
        shutil.copyfile(results, temporary)


def find(wanted: str, root: Path) -> Path:
    """The file of a baseline, by path, name or the revision it was measured at; UserError lists the saved ones."""
    folder = root / FOLDER
    for path in (Path(wanted), folder / f"{wanted}.json"):
        if path.is_file():
            return path
    saved = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    commit = _commit(wanted, root)
    for path in saved:
        if commit and _commit_of(path) == commit:
            return path
    names = ", ".join(sorted(path.stem for path in saved)) or "none"
    raise UserError(
        f"There is no baseline {wanted!r} (saved are: {names}): save one with --save-baseline, or give a file."
    )


def read_baseline(path: Path) -> Run:
    """The run of a baseline; UserError if it is partial, or holds nothing to compare."""
    run = read_compared(path)
    if run.partial:
        raise UserError(f"{path} is of a partial run ({run.partial}), which is no baseline: measure it again.")
    return run


def _commit(revision: str, root: Path) -> str | None:
    git = ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    try:
        answer = subprocess.run(git, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return answer.stdout.strip() or None


def _commit_of(path: Path) -> str | None:
    try:
        commit = json.loads(path.read_text()).get("commit_info", {})
        return None if commit.get("dirty") else commit.get("id")  # a dirty tree is not a revision
    except (OSError, ValueError, AttributeError):
        return None
