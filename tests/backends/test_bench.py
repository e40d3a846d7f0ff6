"""`pytest bench --peers`, on the thin network and drawn scenes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ssd_core.backends import registry
from ssd_core.backends.registry import PEERS
from ssd_core.coco.records import write_records
from ssd_core.demo.scenes import write_scenes

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--steps", "16", "--num-intra-threads", "1", "--data-num-inter-threads", "1")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four scenes as records, with their annotations."""
    folder = tmp_path_factory.mktemp("scenes")
    annotations = write_scenes(folder, 4, 11)
    target = folder / "records"
    write_records(folder / "val2017", annotations, target, "val", progress=False, processes=1)
    (target / "instances_val2017.json").write_bytes(annotations.read_bytes())
    return target


@pytest.fixture
def bench(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Runs bench/ in a process of its own, as a user does."""
    monkeypatch.setenv("SSD_VGG16_CACHE", str(pytester.path / "cache"))

    def run(*arguments: str) -> pytest.RunResult:
        options = ["-c", str(ROOT / "pytest.ini"), "--rootdir", str(pytester.path), "-p", "no:cacheprovider"]
        return pytester.runpytest_subprocess(*options, str(ROOT / "bench"), *QUICK, *arguments)

    return run


def test_each_question_is_measured_and_kept(
    peers: None, bench: Any, thin_path: Path, data: Path, pytester: pytest.Pytester
) -> None:
    asked = "accuracy or (latency and detections) or (throughput and network)"
    result = bench("--peers", "--in-graph", f"fp32={thin_path}", "--data-location", str(data), "-k", asked)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["compared with other runtimes *ours / runtime", "latency detections fp32-intra1*openvino *ms *(* to *)"]
    )
    result.stdout.fnmatch_lines(
        ["throughput network fp32-intra1*images/s*", "settings of throughput network fp32-intra1: *"]
    )
    result.stdout.fnmatch_lines(["accuracy fp32-intra1 onnxruntime*"])
    (path,) = (pytester.path / "output").glob("benchmark_2*.json")
    infos = {b["name"]: b["extra_info"] for b in json.loads(path.read_text())["benchmarks"]}
    found = infos["test_peers_latency[fp32-batch1-intra1-detections]"]["peers"]
    assert set(found["sides"]) == {"tensorflow", *(peer.name for peer in PEERS)}
    assert all(len(side["samples_ns"]) == 16 for side in found["sides"].values())
    assert found["ratios"]["openvino"]["low"] < found["ratios"]["openvino"]["high"]
    accuracy = infos["test_peers_accuracy[fp32-batch1-intra1]"]["peers_accuracy"]
    assert accuracy["tensorflow"]["agreement"] == 1
    assert accuracy["openvino"]["agreement"] > 0.95
    assert list((pytester.path / "output").glob("detections_fp32_openvino_2*.json"))


def test_without_the_fp32_graph_it_is_refused(peers: None, bench: Any, thin_path: Path, data: Path) -> None:
    graph = ["--in-graph", f"int8={thin_path}", "--data-location", str(data)]
    result = bench("--peers", "-k", "test_peers_latency and network", *graph)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "passed" not in result.parseoutcomes()
    result.stdout.fnmatch_lines(["*The peers' models are made from the fp32 graph*--in-graph fp32=PATH*"])


def test_without_the_packages_it_is_refused(bench: Any) -> None:
    if not registry.missing():
        pytest.skip("the packages are here")
    result = bench("--peers")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--peers wants *not installed here: run tox -e peers.*"])


@pytest.mark.parametrize("other", [("--accuracy-only",), ("--against", "delay=1"), ("--save-baseline", "main")])
def test_it_is_no_other_run_as_well(bench: Any, other: tuple[str, ...]) -> None:
    result = bench("--peers", *other)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--peers is a run of its own, and so is {other[0]}*"])


def test_nobody_misses_it_who_does_not_ask(bench: Any) -> None:
    listed = bench("--collect-only", "-q").outlines
    cases = [line.partition("::")[2].partition("[")[0] for line in listed if "::" in line]
    assert set(cases) == {"test_accuracy", "test_input_pipeline", "test_latency", "test_throughput"}
