"""Every peer on a thin network: the raw predictions and the detections that TensorFlow has."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ssd_core.backends.peer import best_first
from ssd_core.backends.protocol import Opening, of_graph
from ssd_core.backends.registry import PEERS
from ssd_core.backends.tensorflow.session import InferenceSession
from ssd_core.coco.agreement import agreement
from ssd_core.graph.contract import Detections
from ssd_core.network.detections import BACKGROUND_OFFSET, MIN_SIZE
from ssd_core.worker.client import Worker
from ssd_core.worker.steps import Steps
from tests.rounding import TWO_SOFTMAXES, of_detections, of_the_network
from tests.rows import is_in

Floats = npt.NDArray[np.float32]
RUNTIMES = [peer.name for peer in PEERS]
ALL = [(peer.name, precision) for peer in PEERS for precision in peer.precisions]
NEARNESS = {"fp32": 1 - 1e-6, "bf16": 0.999, "int8": 0.98}
"""Correlations c: noise of sqrt(1 / c^2 - 1), that is 0.14 %, 4.5 % and 20 % of the signal. A few layers of float32 are
off by 1e-6; in bfloat16 each number is off by up to 0.4 %, in int8 by up to 0.4 % of the largest one."""


@pytest.fixture(scope="module")
def ours(thin_path: Path, thin_images: Floats) -> tuple[list[Floats], list[Detections]]:
    """Locations and plain logits, and the detections."""
    network = InferenceSession(of_graph(thin_path, 1, 1, scope="network"))
    locations, logits = network.calls[0](thin_images)
    network.close()
    logits[..., 0] -= BACKGROUND_OFFSET
    session = InferenceSession(of_graph(thin_path, 1, 1))
    found = session.detect(thin_images)
    session.close()
    return [locations, logits], found


def table(found: Detections) -> Floats:
    """Rows of class, score, box."""
    return np.concatenate([found.classes[:, None], found.scores[:, None], found.boxes], axis=1)


def by_width(outputs: list[Any]) -> list[Floats]:
    return sorted(outputs, key=lambda output: int(output.shape[-1]))


@pytest.mark.parametrize(("runtime", "precision"), ALL)
def test_raw_predictions_are_those_of_tensorflow(
    opened: Any, ours: Any, thin_images: Floats, runtime: str, precision: str
) -> None:
    expected = ours[0]
    assert np.ptp(expected[1]) > 10
    found = by_width(opened(runtime, precision).calls[0](thin_images))
    for got, wanted in zip(found, expected, strict=True):
        assert np.corrcoef(got.ravel(), wanted.ravel())[0, 1] > NEARNESS[precision]
        if precision == "fp32":
            np.testing.assert_allclose(got, wanted, atol=of_the_network(wanted), rtol=0)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_detections_are_those_of_tensorflow(opened: Any, ours: Any, thin_images: Floats, runtime: str) -> None:
    expected = ours[1]
    assert min(len(image.scores) for image in expected) >= 3
    found = opened(runtime, end="detections").detect(thin_images)
    for got, wanted in zip(found, expected, strict=True):
        assert np.all(np.diff(got.scores) <= 0)
        assert np.all(got.boxes[:, 2:] - got.boxes[:, :2] > MIN_SIZE)
        assert sum(got.scores > 0.3) == pytest.approx(sum(wanted.scores > 0.3), rel=0.05, abs=1)
        within = of_detections(ours[0][1], ours[0][0])
        for some, others in ((got, wanted), (wanted, got)):
            assert is_in(table(some)[:10], table(others), within).all()
    assert (agreement(expected, found) or 0) > 0.98


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_int8_finds_nearly_the_same(opened: Any, ours: Any, thin_images: Floats, runtime: str) -> None:
    share = agreement(ours[1], opened(runtime, "int8", "detections").detect(thin_images))
    assert share is not None
    assert share > 0.6  # few detections, of a network that nobody trained


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_short_batch_is_filled_up(opened: Any, thin_images: Floats, runtime: str) -> None:
    session = opened(runtime, end="detections")
    (alone,) = session.detect(thin_images[1:2])
    np.testing.assert_allclose(alone.scores, session.detect(thin_images)[1].scores, atol=TWO_SOFTMAXES, rtol=0)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_streams_are_calls_that_run_side_by_side(opened: Any, thin_images: Floats, runtime: str) -> None:
    session = opened(runtime, batch_size=1, streams=2)
    assert len(session.calls) == 2
    threads = set()

    def images() -> Floats:
        threads.add(threading.get_ident())
        return thin_images[:1]

    steps = Steps(session)
    _, step_ns = steps.run(images, 40, 0.0)
    assert step_ns.shape == (40,)
    assert (step_ns > 0).all()
    assert len(threads) == 2
    steps.pause()


def test_a_worker_opens_a_peer_and_feeds_it(thin_models: Path) -> None:
    with Worker(timeout_s=600) as worker:
        for runtime in RUNTIMES:
            opening = Opening(runtime, thin_models, "fp32", "network", batch_size=2)
            opened = worker.open(opening)
            assert opened.contract == f"{runtime} network"
            assert opened.fixed_batch == 2
            assert len(opened.sha256) == 64
            worker.feed_dummy(2)
            assert len(worker.run(3).run_ns) == 3
            assert worker.open(replace(opening, scope="detections")).operation_counts != opened.operation_counts


def test_detections_are_best_first_and_apart_from_what_a_runtime_writes_to_again() -> None:
    scores = np.array([0.2, 0.9, 0.9, 0.8], np.float32)
    boxes = np.tile(np.array([0.1, 0.1, 0.6, 0.6], np.float32), (4, 1))
    boxes[3, 2] = 0.1 + MIN_SIZE / 2
    best = best_first(np.array([7.0, 5.0, 6.0, 8.0]), scores, boxes)
    assert best.classes.tolist() == [5, 6, 7], "equal scores as they came, and none that is too small"
    assert best.scores.tolist() == scores[[1, 2, 0]].tolist()
    assert not np.shares_memory(best.scores, scores)
    assert not np.shares_memory(best.boxes, boxes)
