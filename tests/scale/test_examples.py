"""The job files of docs/scale.md do what the page says: run by hand, their parts give what one process gives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ssd_core.__main__ import main
from tests.clone import benchmark_of as benchmark_of  # fixtures
from tests.clone import clone as clone
from tests.clone import save as save
from tests.pages import ROOT, blocks

EXAMPLES = ROOT / "docs" / "examples"


def run(command: list[str], **variables: str) -> None:
    environment = os.environ | variables | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_indexed_job_converts(clone: Path) -> None:
    job = yaml.safe_load((EXAMPLES / "records.yml").read_text())["spec"]
    (container,) = job["template"]["spec"]["containers"]
    for index in range(job["completions"]):
        run([*container["command"], *container["args"]], JOB_COMPLETION_INDEX=str(index))
    parts = [str(path) for path in (clone / "parts").glob("val.part-*")]
    assert len(parts) == job["completions"]
    assert main(["merge", *parts, "--output", "merged"]) == 0
    made = (clone / "merged" / "val-00000-of-00001").read_bytes()
    assert made == (clone / "tfrecords" / "val-00000-of-00001").read_bytes()


def test_the_array_measures_accuracy(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = (EXAMPLES / "accuracy.sbatch").read_text()
    for number in (1, 2, 3, 4):
        run(["bash", "-ec", script], SLURM_ARRAY_TASK_ID=str(number))
    parts = [str(path) for path in (clone / "parts").glob("detections_*")]
    assert main(["merge", *parts, "--output", "merged"]) == 0
    assert "accuracy int8" in capsys.readouterr().out


@pytest.mark.parametrize("language", ["bash", "yaml"])
def test_the_page_quotes_the_files(language: str) -> None:
    files = [path.read_text() for path in EXAMPLES.iterdir()]
    quoted = [block.text for block in blocks(language) if block.page == "docs/scale.md"]
    assert len(quoted) == 1
    assert all(text in files for text in quoted)
