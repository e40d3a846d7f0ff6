"""The log in upstream's words."""

from pathlib import Path

import pytest

from ssd_core.output.upstream_log import append, lines_of, path_of
from ssd_core.results.case import NO_PRECISION, Case
from ssd_core.results.schema import PeersAccuracyResult, Result
from tests.typed_results import accuracy, timed

SCORES = [" Average Precision (AP) = 0.400", " Average Recall (AR) = 0.500"]
OTHERS = PeersAccuracyResult(**Case("peers_accuracy", "int8", 1, 1, 2).fields, peers_accuracy={})
INPUT = timed(NO_PRECISION, "input_pipeline")


def test_a_batch_has_its_size_and_its_throughput() -> None:
    # 24 images in 6 ms.
    assert lines_of(timed()) == [
        "Batch size = 8",
        "Throughput: 4000.000 images/sec",
        "Ran inference with batch size 8",
    ]


def test_one_image_at_a_time_has_a_latency_as_well() -> None:
    assert "Latency: 2.000 ms" in lines_of(timed(batch_size=1))
    assert not [line for line in lines_of(timed(batch_size=1, streams=2)) if line.startswith("Latency")]


def test_streams_are_said_where_there_are_several() -> None:
    assert lines_of(timed(streams=2))[:2] == ["Batch size = 8", "Streams = 2"]


def test_accuracy_is_what_pycocotools_prints() -> None:
    assert lines_of(accuracy(accuracy_lines=SCORES)) == SCORES


@pytest.mark.parametrize("result", [OTHERS, INPUT])
def test_what_upstream_did_not_measure_has_no_lines_and_no_log(result: Result, tmp_path: Path) -> None:
    append(result, tmp_path, "now")
    assert lines_of(result) == []
    assert list(tmp_path.iterdir()) == []


def test_each_precision_has_a_log_that_grows_by_the_case(tmp_path: Path) -> None:
    folder = tmp_path / "output"
    for result in (timed(), timed("fp32"), accuracy(accuracy_lines=SCORES)):
        append(result, folder, "now")
    path = folder / "benchmark_ssd_vgg16_inference_int8_now.log"
    assert path_of("int8", folder, "now") == path
    assert {file.name for file in folder.iterdir()} == {path.name, path.name.replace("int8", "fp32")}
    assert path.read_text().splitlines() == [
        "# throughput int8-batch8-intra2",
        *lines_of(timed()),
        f"Log location {path}",
        "# accuracy int8-batch8-intra2",
        *SCORES,
        f"Log location {path}",
    ]
