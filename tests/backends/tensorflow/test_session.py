"""TensorFlow's session: its threads, what it ends in, what it says when it fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ssd_core.backends.protocol import Opening, of_graph
from ssd_core.backends.tensorflow import session as module
from ssd_core.backends.tensorflow.session import InferenceSession
from ssd_core.errors import UserError
from ssd_core.files import sha256_of
from ssd_core.graph.frozen import read_graph, write_graph
from ssd_core.machine.affinity import available_cpus
from ssd_core.worker.client import Worker
from tests.thin_upstream import thin_upstream_graph
from tests.worker.conftest import threads_of, wait_for

Floats = npt.NDArray[np.float32]


@pytest.fixture
def opened() -> Iterator[Any]:
    """Opens a session in this process; all are closed in the end."""
    sessions: list[InferenceSession] = []

    def opened(opening: Opening) -> InferenceSession:
        sessions.append(InferenceSession(opening))
        return sessions[-1]

    yield opened
    for session in sessions:
        session.close()


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a thin graph of upstream's contract."""
    path = tmp_path_factory.mktemp("upstream") / "upstream.pb"
    path.write_bytes(thin_upstream_graph().SerializeToString())
    return path


@pytest.fixture(scope="module")
def image() -> Floats:
    return np.random.default_rng(7).uniform(-120, 150, (1, 300, 300, 3)).astype(np.float32)


# In the worker, whose threads the kernel lists


@pytest.mark.parametrize(("inter", "intra"), [(1, 3), (4, 1), (2, 2)])
def test_each_session_has_the_threads_that_were_asked_for(
    worker: Worker, graphs: dict[str, Path], inter: int, intra: int
) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1))
    before = threads_of(worker)
    opened = worker.open(of_graph(graphs["batched"], inter, intra))
    assert (opened.num_inter_threads, opened.num_intra_threads) == (inter, intra)
    started = threads_of(worker) - before  # told from outside
    assert len(started) == inter + intra
    worker.open(of_graph(graphs["batched"], 1, 1))
    wait_for(lambda: not started & threads_of(worker))


def test_each_stream_has_its_own_threads(worker: Worker, graphs: dict[str, Path]) -> None:
    worker.open(of_graph(graphs["batched"], 1, 1))
    before = threads_of(worker)
    opened = worker.open(of_graph(graphs["batched"], 1, 2, streams=3))
    assert (opened.num_inter_threads, opened.num_intra_threads, opened.streams) == (1, 2, 3)
    sessions = threads_of(worker) - before
    assert len(sessions) == 3 * (1 + 2)
    worker.feed_dummy(1)
    worker.run(2)
    streams = threads_of(worker) - before - sessions
    assert len(streams) == 3  # they run on
    worker.pause()
    wait_for(lambda: not streams & threads_of(worker))
    assert sessions <= threads_of(worker)
    assert worker.open(of_graph(graphs["batched"], 1, 2, streams=2)).streams == 2
    assert len(threads_of(worker) - before - sessions - streams) == 2 * (1 + 2)
    wait_for(lambda: not sessions & threads_of(worker))


def test_zero_threads_are_as_many_as_there_are_cpus(worker: Worker, graphs: dict[str, Path]) -> None:
    opened = worker.open(of_graph(graphs["batched"]))
    assert 1 <= opened.num_inter_threads == opened.num_intra_threads <= len(available_cpus())


@pytest.mark.parametrize(
    ("started", "counts"),
    [
        (["tf_Compute"] * 2 + ["python"] * 3, (2, 3)),
        (["tf_Compute"] * 3 + ["python"] * 2, (3, 2)),
        (["python"] * 5, (2, 3)),  # TensorFlow 2.20 and older
        (["python"] * 4, (0, 4)),
    ],
)
def test_threads_are_counted_by_name_where_they_have_one(
    started: list[str], counts: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NAMING_SECONDS", 0.0)
    monkeypatch.setattr(module, "thread_names", lambda: {"1": "python", **{f"2{i}": n for i, n in enumerate(started)}})
    assert module._started_threads({"1"}, 2, 3) == counts


def test_a_graph_that_fails_in_a_stream_says_so_and_the_worker_goes_on(worker: Worker, graphs: dict[str, Path]) -> None:
    worker.open(of_graph(graphs["failing"], 1, 1, streams=2))
    worker.feed_dummy(1)
    with pytest.raises(UserError, match=r"failing\.pb failed in TensorFlow .*: Integer division by zero\."):
        worker.run(1)
    worker.open(of_graph(graphs["batched"], 1, 1, streams=2))
    assert len(worker.run(1).run_ns) == 1


def test_a_graph_that_fails_says_so_in_tensorflows_words(worker: Worker, graphs: dict[str, Path]) -> None:
    worker.open(of_graph(graphs["failing"], 1, 1))
    worker.feed_dummy(1)
    with pytest.raises(UserError, match=r"failing\.pb failed in TensorFlow .*: Integer division by zero\."):
        worker.run(1)


# In this process


def test_a_session_tells_what_the_file_is(opened: Any, graphs: dict[str, Path]) -> None:
    session = opened(of_graph(graphs["fixed"], 1, 1))
    described = session.describe()
    assert (described.contract, described.fixed_batch) == ("batched", 2)
    assert described.sha256 == sha256_of(graphs["fixed"])
    assert described.postprocess_ms is None


def test_the_scope_of_the_network_ends_in_raw_predictions(opened: Any, upstream: Path, image: Floats) -> None:
    session = opened(of_graph(upstream, 1, 1, scope="network"))
    locations, logits = session.calls[0](image)
    assert locations.shape[-2:] == (8732, 4)
    assert logits.shape[-2:] == (8732, 81)
    assert "NonMaxSuppressionV3" not in session.operation_counts


def test_a_fast_post_processing_finds_the_same_and_tells_both_times(opened: Any, upstream: Path, image: Floats) -> None:
    (plain,) = opened(of_graph(upstream, 1, 1)).detect(image)
    session = opened(of_graph(upstream, 1, 1, fast=True))
    (fast,) = session.detect(image)
    assert session.describe().contract == "batched"
    assert min(session.postprocess_ms) > 0
    assert len(plain.scores) > 0
    np.testing.assert_array_equal(fast.scores, plain.scores)
    np.testing.assert_array_equal(fast.classes, plain.classes)


def test_an_operation_that_inference_does_not_need_is_let_in_by_trust_alone(
    opened: Any, graphs: dict[str, Path], tmp_path: Path
) -> None:
    graph_def = read_graph(graphs["batched"])
    constant = next(node for node in graph_def.node if node.op == "Const")
    graph_def.node.add(op="ReadFile", name="reader", input=[constant.name])
    write_graph(graph_def, tmp_path / "reads.pb")
    with pytest.raises(UserError, match="asks for the operation ReadFile"):
        opened(of_graph(tmp_path / "reads.pb", 1, 1))
    assert opened(of_graph(tmp_path / "reads.pb", 1, 1, trust=True)).operation_counts["ReadFile"] == 1
