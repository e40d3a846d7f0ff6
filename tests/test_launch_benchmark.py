"""The former name of `ssd_core.upstream.launch_benchmark` still works, and names the new one."""

import importlib
import subprocess
import sys

import pytest

from ssd_core.upstream import launch_benchmark

NOTE = "python -m ssd_core.launch_benchmark is now python -m ssd_core.upstream.launch_benchmark.\n"


def ended(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", module, *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd=launch_benchmark.PROJECT)


@pytest.mark.parametrize(("argument", "status"), [("--help", 0), ("--batch-size=0", 2)])
def test_it_ends_as_the_new_name_does_with_a_note_before(argument: str, status: int) -> None:
    now = ended("ssd_core.upstream.launch_benchmark", argument)
    then = ended("ssd_core.launch_benchmark", argument)
    assert now.stdout or now.stderr
    assert (then.returncode, then.stdout, then.stderr) == (status, now.stdout, NOTE + now.stderr)


def test_a_script_that_imports_it_gets_the_same_function() -> None:
    assert importlib.import_module("ssd_core.launch_benchmark").main is launch_benchmark.main
