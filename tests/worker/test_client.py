import dataclasses
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ssd_core.backends.protocol import of_graph
from ssd_core.errors import UserError
from ssd_core.files import sha256_of
from ssd_core.machine.affinity import available_cpus
from ssd_core.profiling import kernels
from ssd_core.stats.served import Batches
from ssd_core.worker.client import Worker, WorkerDefect, WorkerSettings
from tests.worker.conftest import PATIENCE_S


def test_opening_tells_what_the_graph_is(worker: Worker, graphs: dict[str, Path]) -> None:
    opened = worker.open(of_graph(graphs["batched"], num_inter_threads=1, num_intra_threads=2))
    assert opened.contract == "batched"
    assert opened.fixed_batch is None
    assert opened.sha256 == sha256_of(graphs["batched"])
    assert opened.operation_counts["Placeholder"] == 1
    assert worker.open(of_graph(graphs["fixed"])).fixed_batch == 2


def test_the_worker_times_what_it_runs(worker: Worker, graphs: dict[str, Path]) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1))
    worker.feed_dummy(2, seed=1)
    start = time.perf_counter_ns()
    durations = worker.run(50)
    elapsed = time.perf_counter_ns() - start
    assert len(durations.run_ns) == len(durations.step_ns) == 50
    assert 0 < sum(durations.run_ns) < sum(durations.step_ns) < elapsed


def test_a_delay_is_in_what_is_timed(graphs: dict[str, Path], worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1))
    worker.feed_dummy(1)
    monkeypatch.setattr(worker, "settings", dataclasses.replace(worker.settings, delay_ms=20.0))
    assert min(worker.run(3).run_ns) >= 20_000_000
    worker.open(of_graph(graphs["batched"], 1, 1, streams=2))
    assert sum(worker.run(4).run_ns) >= 3 * 20_000_000


def test_requests_are_served_and_a_delay_is_in_each(
    graphs: dict[str, Path], worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a schedule, and as queries one after the other; the real session, worker and wire."""
    worker.open(of_graph(graphs["batched"], 1, 1))
    worker.feed_dummy(4)
    for delay_ms in (0.0, 30.0):
        monkeypatch.setattr(worker, "settings", dataclasses.replace(worker.settings, delay_ms=delay_ms))
        scheduled = worker.serve(np.arange(6) * 1_000_000, Batches(2, 500_000))
        queries = worker.serve_queries(3, 2, Batches(1))
        assert scheduled.sizes.sum() == queries.sizes.sum() == 6
        assert scheduled.sizes.max() <= 2
        assert (np.diff(queries.arrived_ns.reshape(3, 2), axis=1) == 0).all()
        for served in (scheduled, queries):
            assert (served.inference_ns > delay_ms * 1e6).all()
            assert (served.latency_ns >= served.inference_ns).all()


def test_streams_time_whole_steps_on_records_too(worker: Worker, graphs: dict[str, Path], shards: list[Path]) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1, streams=2))
    worker.feed_records(shards, batch_size=2, data_num_inter_threads=1, data_num_intra_threads=1)
    durations = worker.run(7)
    assert durations.run_ns == durations.step_ns
    assert len(durations.run_ns) == 7
    assert len(list(worker.detections())) == 5
    worker.feed_dummy(1)
    assert len(worker.run(3).run_ns) == 3


def test_records_run_over_and_over(worker: Worker, graphs: dict[str, Path], shards: list[Path]) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1))
    worker.feed_records(shards, batch_size=2, data_num_inter_threads=1, data_num_intra_threads=1)
    durations = worker.run(7)  # 14 images of 5
    assert all(run < step for run, step in zip(durations.run_ns, durations.step_ns, strict=True))
    times_ns = worker.input_only(4)
    assert len(times_ns) == 4
    assert min(times_ns) > 0


@pytest.mark.parametrize(("graph", "batch_size"), [("batched", 1), ("batched", 3), ("batched", 8), ("fixed", 2)])
def test_detections_come_once_for_every_image_in_order(
    worker: Worker, graphs: dict[str, Path], shards: list[Path], graph: str, batch_size: int
) -> None:
    worker.open(of_graph(graphs[graph], 1, 1))
    worker.feed_records(shards, batch_size, 1, 1)
    worker.run(1)  # what was run before does not shift them
    images = list(worker.detections())
    assert [(i.filename, i.width, i.height) for i in images] == [
        ("plain.jpg", 320, 240),
        ("tall.jpg", 200, 400),
        ("wide.jpg", 640, 300),
        ("small.jpg", 64, 48),
        ("b.jpg", 99, 77),
    ]
    for number, image in enumerate(images):  # see conftest: image i has i boxes
        assert image.detections.classes.tolist() == list(range(1, number + 1))
        np.testing.assert_allclose(image.detections.scores, [1 / (1 + k) for k in range(number)], rtol=1e-6)
        assert image.detections.boxes.shape == (number, 4)
        np.testing.assert_allclose(image.detections.boxes, np.tile([0.1, 0.2, 0.3, 0.4], (number, 1)), rtol=1e-6)


def test_detections_of_the_first_images_are_those(worker: Worker, graphs: dict[str, Path], shards: list[Path]) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1))
    worker.feed_records(shards, 2, 1, 1)
    assert [image.filename for image in worker.detections(3)] == ["plain.jpg", "tall.jpg", "wide.jpg"]


def test_detections_that_were_given_up_do_not_reach_into_the_next(
    worker: Worker, graphs: dict[str, Path], shards: list[Path]
) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1))
    worker.feed_records(shards, 2, 1, 1)
    assert next(worker.detections()).filename == "plain.jpg"
    assert len(worker.run(2).run_ns) == 2
    assert len(list(worker.detections())) == 5


def test_status_is_what_the_kernel_says(worker: Worker) -> None:
    status = worker.status()
    assert status.pid == worker.pid
    assert status.cpus == available_cpus()
    assert status.peak_memory_bytes > 100 << 20  # TensorFlow alone
    assert status.allocator == "malloc"
    assert status.allocator_path
    assert str(status.versions["tensorflow"]).startswith("tensorflow")
    assert status.versions["python"] == ".".join(map(str, sys.version_info[:3]))


def test_the_peak_of_memory_can_begin_anew(worker: Worker, graphs: dict[str, Path]) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1))
    worker.feed_dummy(64)
    high = worker.status().peak_memory_bytes
    worker.feed_dummy(1)
    if not worker.reset_peak():
        pytest.skip("this kernel does not let the peak be reset")
    assert worker.status().peak_memory_bytes < high - (32 << 20)


def test_the_users_mistakes_come_back_as_such_and_the_worker_goes_on(
    worker: Worker, graphs: dict[str, Path], tmp_path: Path
) -> None:
    for name, reason in (("none.pb", "No such file or directory"), ("", "Is a directory"), ("x" * 300, "File name")):
        with pytest.raises(UserError, match=rf"cannot be read \({reason}"):
            worker.open(of_graph(tmp_path / name))
    (tmp_path / "val-00000-of-00001").write_bytes(b"no record at all")
    with pytest.raises(UserError, match="val-00000-of-00001"):
        worker.feed_records([tmp_path / "val-00000-of-00001"], 1, 1, 1)
    worker.open(of_graph(graphs["fixed"], 1, 1))
    worker.feed_dummy(3)
    with pytest.raises(UserError, match="2 image"):
        worker.run(1)
    worker.feed_dummy(2)
    assert len(worker.run(1).run_ns) == 1


def test_names_of_any_bytes_come_through(worker: Worker, graphs: dict[str, Path], tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9.pb"))
    try:
        odd.symlink_to(graphs["batched"])
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    assert worker.open(of_graph(odd, 1, 1)).sha256 == sha256_of(graphs["batched"])
    odd.unlink()
    with pytest.raises(UserError, match="\udce9\\.pb cannot be read"):
        worker.open(of_graph(odd, 1, 1))


def test_a_defect_comes_back_with_its_traceback(worker: Worker, graphs: dict[str, Path]) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1))
    worker.feed_dummy(1)
    with pytest.raises(WorkerDefect, match=r"child\.py(?s:.*)dummy images have no detections"):
        list(worker.detections())
    assert len(worker.run(1).run_ns) == 1


# Workers of their own


def test_onednn_tells_which_kernels_ran(graphs: dict[str, Path]) -> None:
    with Worker(WorkerSettings(onednn_verbose=True), timeout_s=PATIENCE_S) as worker:
        worker.open(of_graph(graphs["convolution"], 1, 1))
        worker.feed_dummy(1)
        worker.run(1)
        assert worker.output_lines()
        assert worker.output_lines() == []
        worker.run(2)
        lines = worker.output_lines()
    shares = kernels.kernel_shares(lines)
    assert shares.convolutions == 4
    assert set(shares.by_data_type) == {"f32", "int8"}


def test_the_environment_is_the_parents_with_what_a_worker_needs_and_the_variants_word_is_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME_OF_TEST", "here")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("LD_PRELOAD", "/x/libjemalloc.so.2:/opt/hook.so")
    environment = WorkerSettings(env=(("TF_CPP_MIN_LOG_LEVEL", "0"), ("NEW", "x"))).environment()
    assert environment["HOME_OF_TEST"] == "here"
    assert environment["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert environment["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert environment["NEW"] == "x"
    assert environment["LD_PRELOAD"] == "/opt/hook.so"
    variant = WorkerSettings(env=(("TF_ENABLE_ONEDNN_OPTS", "0"), ("LD_PRELOAD", "/x/libjemalloc.so.2"))).environment()
    assert (variant["TF_ENABLE_ONEDNN_OPTS"], variant["LD_PRELOAD"]) == ("0", "/x/libjemalloc.so.2")
    assert WorkerSettings(onednn_verbose=True).environment()["ONEDNN_VERBOSE"] == "profile_exec"


def test_settings_that_are_equal_can_share_a_worker() -> None:
    assert len({WorkerSettings(), WorkerSettings(env=()), WorkerSettings(delay_ms=1.0)}) == 2


def test_the_parent_needs_no_tensorflow() -> None:
    import subprocess

    code = "import ssd_core.worker.client, ssd_core.machine.advice, ssd_core.scenarios.machine_command, sys;" \
        "sys.exit('tensorflow' in sys.modules)"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
