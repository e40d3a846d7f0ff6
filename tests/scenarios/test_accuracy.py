"""Accuracy on a worker that detects one box, and on real workers where the post-processing was replaced."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ssd_core.coco.records import write_records
from ssd_core.demo.scenes import write_scenes
from ssd_core.output.tables import LEAST_AGREEMENT
from ssd_core.results.case import Case
from ssd_core.results.parts import Replacement
from ssd_core.scenarios.accuracy import OWN_ROUNDING, AccuracyScenario
from ssd_core.scenarios.budget import QUICK
from tests.scenarios.contexts import ContextMaker
from tests.thin_upstream import thin_upstream_graph

ROOT = Path(__file__).resolve().parents[2]


SCORES = {"score": {"int8": 0.8}}
CASE = Case("accuracy", "int8", 8, 1, 2)


def test_the_twelve_numbers_and_the_detections_are_kept(
    context: ContextMaker, noise_records: Path, tmp_path: Path
) -> None:
    chosen = context(SCORES, noise_records)
    result = AccuracyScenario(CASE, chosen).measure()
    assert result.ap == 1.0
    assert len(result.accuracy) == len(result.accuracy_lines) == 12
    assert (result.images, result.rounding) == (5, OWN_ROUNDING)
    assert result.duration_s is not None
    assert result.duration_s > 0
    assert result.postprocess is None
    assert list(chosen.matches) == ["int8"]
    detections = json.loads((tmp_path / "detections_int8_now.json").read_text())
    assert {one["image_id"] for one in detections} == {1, 2, 3, 4, 5}


def test_a_quick_run_is_of_the_first_images_and_says_so(context: ContextMaker, noise_records: Path) -> None:
    budget = replace(QUICK, accuracy_images=3)
    result = AccuracyScenario(CASE, context(SCORES, noise_records, budget=budget)).measure()
    assert (result.images, result.images_in_file) == (3, 5)
    assert result.data is not None
    assert result.data.images == 3


def test_a_replaced_post_processing_is_held_against_the_graphs_own(context: ContextMaker, noise_records: Path) -> None:
    result = AccuracyScenario(CASE, context(SCORES, noise_records, fast_postprocess=True)).measure()
    assert result.postprocess == Replacement(1.0, 1.0, 1.0)


def test_an_accuracy_case_runs_the_graph_as_it_was(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSD_VGG16_CACHE", str(pytester.path / "cache"))
    scenes = pytester.path / "scenes"
    annotations = write_scenes(scenes, 3, 5)
    write_records(scenes / "val2017", annotations, pytester.path / "records", "val", progress=False, processes=1)
    graph = pytester.path / "seed.pb"
    graph.write_bytes(thin_upstream_graph().SerializeToString())
    options = [
        "-c",
        str(ROOT / "pytest.ini"),
        "--rootdir",
        str(pytester.path),
        "-p",
        "no:cacheprovider",
        "-k",
        "accuracy",
    ]
    options += [f"--in-graph=fp32={graph}", "--data-location", "records", "--annotations-file", str(annotations)]
    result = pytester.runpytest_subprocess(*options, str(ROOT / "bench"), "--batch-size", "2", "--postprocess", "fast")
    result.assert_outcomes(passed=1, skipped=0)
    result.stdout.fnmatch_lines(["fp32: with --postprocess fast *% of the detections are those of the graph's own*"])
    (path,) = (pytester.path / "output").glob("benchmark_2*.json")
    (entry,) = json.loads(path.read_text())["benchmarks"]
    change: dict[str, Any] = entry["extra_info"]["postprocess"]
    assert change["agreement"] >= LEAST_AGREEMENT
    assert change["ap_after"] == entry["extra_info"]["accuracy"]["AP"]
    files = [next(path.parent.glob(f"detections_fp32{name}_2*.json")) for name in ("", "_original")]
    numbers = [len(json.loads(file.read_text())) for file in files]
    assert numbers[0] == pytest.approx(numbers[1], rel=1 - LEAST_AGREEMENT)
    assert numbers[0] > 100
