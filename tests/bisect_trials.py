"""Does `git bisect run` name the commit that made it slower? Trials on a repository of 16 commits.

`python -m tests.bisect_trials 10 --delay-ms 1.7` runs ten with the demo's int8 graph, on a machine where an image takes
34 ms: a file of the repository holds a delay, which `--against delay=MS` adds to each step.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssd_core.output.table import Table

ROOT = Path(__file__).resolve().parents[1]
COMMITS = 16
FILE = "delay_ms"
NO_DELAY_MS = 0.001  # an A/B run needs a change
_DEMO = ("--precision", "int8", "--batch-size", "1", "--bisect-limit", "0.025")
_GIT = ("git", "-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false")


def repository(folder: Path, slower: int, delay_ms: float) -> list[str]:
    """Make a repository in which the commit of this number, from 1, added the delay; the commits' revisions."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    revisions = []
    for number in range(COMMITS):
        (folder / FILE).write_text(str(delay_ms if number >= slower else NO_DELAY_MS))
        git(folder, "add", FILE)
        git(folder, "commit", "--quiet", "--allow-empty", "--message", f"commit {number}")
        revisions.append(git(folder, "rev-parse", "HEAD").strip())
    return revisions


def named(folder: Path, revisions: Sequence[str], command: Sequence[str]) -> tuple[str, str]:
    """The revision that `git bisect run` names, or nothing, and what it printed."""
    git(folder, "bisect", "start", revisions[-1], revisions[0])
    script = f'"$@" --against delay="$(cat {FILE})" --bisect-status'
    printed = git(folder, "bisect", "run", "bash", "-c", script, "bisect", *command, check=False)
    found = re.search(r"^([0-9a-f]{40}) is the first (?:bad|'bad') commit", printed, re.MULTILINE)
    return (found[1] if found else ""), printed


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """What git prints."""
    done = subprocess.run([*_GIT, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the trials; print a row for each as it ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", type=int, help="how many")
    parser.add_argument("--delay-ms", type=float, required=True, help="5 %% of a step")
    parser.epilog = f"Further options are those of pytest bench (default: {' '.join(_DEMO)})."
    given, options = parser.parse_known_args(arguments)
    random, rows = np.random.default_rng(16), []
    with tempfile.TemporaryDirectory() as folder:
        pytest = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pytest.ini"), str(ROOT / "bench")]
        pytest += ["--rootdir", folder, "-p", "no:cacheprovider", "--output-dir", f"{folder}/output"]
        for trial in range(given.trials):
            slower, place = int(random.integers(1, COMMITS)), Path(folder) / str(trial)
            revisions = repository(place, slower, given.delay_ms)
            found, printed = named(place, revisions, [*pytest, *(options or _DEMO)])
            said = re.findall(r"^git bisect: (\d+)", printed, re.MULTILINE)
            rows.append([str(trial), str(slower), str(revisions.index(found)) if found else "none", " ".join(said)])
            print(rows[-1], flush=True)
    print("\n".join(Table(["trial", "slower from commit", "named", "statuses"], rows).markdown()))


if __name__ == "__main__":
    main()
