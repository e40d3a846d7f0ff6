"""What a scenario is: every kind runs where there is neither TensorFlow nor pytest."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssd_core.coco.matches import Matches
from ssd_core.results.case import AGAINST, Case
from ssd_core.scenarios.protocol import Scenario
from ssd_core.scenarios.registry import KINDS
from tests.scenarios.contexts import ContextMaker

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
from dataclasses import replace
from pathlib import Path

from ssd_core.images.dataset import ANNOTATIONS, Records
from ssd_core.images.shards import find_shards
from ssd_core.scenarios import peers
from ssd_core.scenarios.registry import KINDS, cases_of, scenario_of
from ssd_core.worker import pool
from tests.scenarios.contexts import context_of
from tests.stand_in_worker import StandInWorker

folder, records = map(Path, sys.argv[1:])
pool.Worker = StandInWorker
peers.models_of = lambda *_: folder
peers.versions = lambda: {"openvino": "1"}
counts = {"precisions": ("fp32",), "batch_sizes": (2,), "cpus": 2, "steps": 20, "warmup_steps": 1}
context = context_of(folder, **counts, tune=True, against=("intra=1",))
# As `read_records` gives them, which checks their features with TensorFlow before.
images = Records(tuple(find_shards(records)), records / ANNOTATIONS, "noise")
context = replace(context, images=lambda: images, timing_records=lambda: images)
measured = {}
for kind in KINDS:
    for case in cases_of(kind, context.settings):
        result = scenario_of(case, context).measure()
        measured[str(case)] = [result.kind, str(result.case)]
context.workers.close()
imported = [name for name in ("tensorflow", "pytest") if name in sys.modules]
print(json.dumps({"measured": measured, "imported": imported}))
"""


@pytest.fixture(scope="module")
def alone(noise_records: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process came to in which every kind was measured on the stand-in worker."""
    arguments = [str(tmp_path_factory.mktemp("alone")), str(noise_records)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_every_kind_of_case_has_a_result_of_its_kind(alone: dict[str, Any]) -> None:
    measured = alone["measured"]
    assert {kind for kind, _ in measured.values()} == set(KINDS)
    for case, (kind, of) in measured.items():
        assert case.startswith(f"{kind} ")
        assert of == case + (" against intra=1" if kind in AGAINST else "")
    assert "throughput fp32-tuned" in measured


def test_scenarios_import_neither_tensorflow_nor_pytest(alone: dict[str, Any]) -> None:
    assert alone["imported"] == []


def test_what_does_not_measure_is_no_scenario(context: ContextMaker) -> None:
    class Idle(Scenario):
        pass

    with pytest.raises(TypeError, match="measure"):
        Idle(Case("latency", "int8"), context())  # type: ignore[abstract]


def test_what_the_scenarios_of_one_run_share_is_no_other_runs(context: ContextMaker) -> None:
    one, other = context(), context()
    one.shared["tuned"] = 1
    one.matches["int8"] = Matches(np.arange(0), ())
    assert (other.shared, other.matches) == ({}, {})
