"""TensorFlow starts in silence, unless that fails. In a process of its own another module stands for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import ROOT

IMPORTING = """
import os, sys
from ssd_core.quiet import import_tensorflow
import_tensorflow()
os.dup2 = None  # what is imported already needs no silence
import_tensorflow()
assert "tensorflow" in sys.modules
os.write(2, b"after\\n")
"""


def importing(folder: Path, source: str) -> "subprocess.CompletedProcess[str]":
    """Imports what `source` is as TensorFlow; its descriptor 2 is what a library of C writes to."""
    (folder / "tensorflow.py").write_text(source)
    environment = os.environ | {"PYTHONPATH": f"{folder}:{ROOT.parent}"}
    line = [sys.executable, "-c", IMPORTING]
    return subprocess.run(line, capture_output=True, text=True, check=False, env=environment, cwd=folder)


def test_chatter_is_left_out_and_what_comes_after_is_shown(tmp_path: Path) -> None:
    done = importing(tmp_path, "import os, sys\nos.write(2, b'chatter\\n')\nprint('more', file=sys.stderr, flush=True)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "after\n")


@pytest.mark.parametrize("failure", ["raise ImportError('it is broken')", "raise SystemExit(3)"])
def test_chatter_is_shown_when_the_import_fails(tmp_path: Path, failure: str) -> None:
    done = importing(tmp_path, f"import os\nos.write(2, b'a library is missing\\n')\n{failure}")
    assert done.returncode != 0
    assert done.stderr.startswith("a library is missing\n")
    assert "after" not in done.stderr


WORKING = """
import os, subprocess, sys
from ssd_core.errors import UserError
from ssd_core.quiet import native_code
with native_code():
    os.write(2, b"native\\n")
    subprocess.run(["sh", "-c", "echo a child >&2"], check=True)
    print("our own", file=sys.stderr)
    {}
print("after", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        ("pass", ["our own", "after"]),
        ("raise UserError('a mistake')", ["our own"]),
        ("raise RuntimeError('a fault')", ["our own", "native", "a child"]),
    ],
)
def test_native_code_and_children_are_shown_when_the_work_fails(end: str, shown: list[str]) -> None:
    line = [sys.executable, "-c", WORKING.format(end)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=ROOT.parent)
    said = done.stderr.splitlines()
    assert said[: len(shown)] == shown
    assert ("native" in said) == ("native" in shown)
