"""A copy of the project with the files that the manual's commands name: small graphs, records, saved runs."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.pages import ROOT
from tests.saved_history import latency, write_run
from tests.saved_runs import BenchmarkMaker, Saver
from tests.saved_runs import benchmark_of as benchmark_of  # a fixture
from tests.saved_runs import save as save  # a fixture
from tests.stand_in import VARIABLE

_NOT_COPIED = shutil.ignore_patterns(".*", "tests", "output", "build", "*.egg-info")
_PLAN = {"ms": {"fp32": 40.0, "bf16": 15.0, "int8": 7.0}, "score": {"fp32": 0.9, "bf16": 0.9, "int8": 0.9}}


@pytest.fixture
def clone(
    tmp_path: Path,
    small_graphs: Mapping[str, Path],
    noise_records: Path,
    benchmark_of: BenchmarkMaker,
    save: Saver,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The copy. Commands in it measure with the stand-in worker; records of five images are the demo's."""
    folder = tmp_path / "clone"
    shutil.copytree(ROOT, folder, ignore=_NOT_COPIED)
    for name in ("fp32", "int8", "base", "new"):
        shutil.copyfile(small_graphs["fp32" if name == "fp32" else "int8"], folder / f"{name}.pb")
    shutil.copytree(noise_records, folder / "tfrecords")
    (folder / "annotations").mkdir()
    shutil.copy(noise_records / "instances_val2017.json", folder / "annotations")
    (folder / "val2017").mkdir()
    for image in noise_records.parent.glob("*.jpg"):
        shutil.copy(image, folder / "val2017")
    _save_runs(folder, benchmark_of, save)
    python = Path(sys.executable)
    for name, text in ((".tox/bench/bin/activate", f"PATH={python.parent}:$PATH\n"), (".tox/newest/bin/python", None)):
        path = folder / name
        path.parent.mkdir(parents=True)
        path.symlink_to(python) if text is None else path.write_text(text)
    _set_environment(folder, noise_records, monkeypatch)
    return folder


def _save_runs(folder: Path, benchmark_of: BenchmarkMaker, save: Saver) -> None:
    both = [benchmark_of("latency", "fp32", ms=80.0), benchmark_of("latency", "int8")]
    (folder / "output").mkdir()
    for name in ("before", "after", "output/benchmark_20261126_101500"):
        save("run.json", both).rename(folder / f"{name}.json")
    write_run(
        folder / ".benchmarks/history/20260901T000000_0123456789abcdef.json",
        1,
        [latency(20.0)],
        commit_info={"id": "3f9d2a1c7", "time": "2026-09-01T00:00:00+00:00"},
    )
    for name in ("a", "b", "c"):
        save("run.json", both, cpu_model=f"Example {name}", hostname=name).rename(folder / f"{name}.json")


def _set_environment(folder: Path, records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{ROOT}")  # ROOT for tests.stand_in
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p tests.stand_in -p no:cacheprovider")
    monkeypatch.setenv(VARIABLE, json.dumps(_PLAN | {"records": str(records)}))
    monkeypatch.setenv("SSD_VGG16_CACHE", str(folder.parent / "cache"))
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


@pytest.fixture(scope="session")
def checkpoint(seeded_weights: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """`checkpoint(folder)` writes SSD.TensorFlow's checkpoint `model.ckpt-120000`, of seeded weights, into a folder."""

    def write(folder: Path) -> None:
        import tensorflow as tf

        tf.raw_ops.SaveV2(
            prefix=str(folder / "model.ckpt-120000"),
            tensor_names=list(seeded_weights),
            shape_and_slices=[""] * len(seeded_weights),
            tensors=list(seeded_weights.values()),
        )

    return write
