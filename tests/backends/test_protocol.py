"""What every session has from the protocol: its description, and detections of batches that are not full."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.backends.protocol import SCOPES, Images, OpenGraph, Opening, Session, of_graph
from ssd_core.errors import UserError
from ssd_core.graph.contract import INPUT, Contract


class Brightest(Session):
    """Finds one object an image, whose score is the image's mean."""

    operation_counts: dict[str, int] = {"Mean": 1}  # noqa: RUF012 - as the protocol declares it
    sha256 = "5ba"
    num_inter_threads, num_intra_threads = 1, 2

    def __init__(self, fixed_batch: int | None, streams: int = 1) -> None:
        self.contract = Contract("batched", INPUT, (), fixed_batch)
        self.taken: list[int] = []
        self.calls = (self._call,) * streams

    def _call(self, images: Images) -> list[npt.NDArray[Any]]:
        self.taken.append(len(images))
        if np.isnan(images).any():
            raise ArithmeticError("not a number")
        means = images.mean(axis=(1, 2, 3))[:, None]
        ones = np.ones(len(images), np.int64)
        return [np.tile(np.array([0, 0, 1, 1], np.float32), (len(images), 1, 1)), means, ones[:, None], ones]

    def close(self) -> None:
        self.calls = ()

    @contextlib.contextmanager
    def failures(self) -> Iterator[None]:
        try:
            yield
        except ArithmeticError as error:
            raise UserError(f"It failed: {error}.") from error


@given(count=st.integers(1, 6), spare=st.none() | st.integers(0, 4))
def test_a_batch_is_filled_up_to_the_fixed_one_and_what_fills_it_is_not_given(count: int, spare: int | None) -> None:
    session = Brightest(None if spare is None else count + spare)
    images = np.arange(1, count + 1, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 2, 3), np.float32)
    assert [image.scores.tolist() for image in session.detect(images)] == [[n] for n in range(1, count + 1)]
    assert session.taken == [count + (spare or 0)]


def test_what_fails_in_a_call_is_the_sessions_sentence() -> None:
    with pytest.raises(UserError, match=r"^It failed: not a number\.$"):
        Brightest(None).detect(np.full((1, 2, 2, 3), np.nan, np.float32))


def test_a_session_describes_what_is_open() -> None:
    assert Brightest(4, streams=3).describe() == OpenGraph("batched", 4, {"Mean": 1}, "5ba", 1, 2, streams=3)


def test_equal_openings_are_the_same_and_a_graph_is_tensorflows() -> None:
    graph = of_graph(Path("a.pb"), 2, 3, scope="network")
    assert graph == Opening("tensorflow", Path("a.pb"), scope="network", num_inter_threads=2, num_intra_threads=3)
    assert len({graph, of_graph(Path("a.pb"), 2, 3, scope="network"), of_graph(Path("a.pb"), 2, 3)}) == 2
    assert of_graph(Path("a.pb")).scope in SCOPES
