"""Serving: every request is answered once, in batches of at most so many, and its times add up."""

import threading
import time
from typing import Any

import numpy as np
import pytest

from ssd_core.backends.protocol import Images
from ssd_core.stats.served import Served, poisson
from ssd_core.worker.arrivals import Queries, Scheduled
from ssd_core.worker.serving import Serving

IMAGES = np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1)
RATE = 2000.0


class Network:
    """Takes a millisecond, and notes the images of each batch and how many calls run at once."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.batches: list[list[float]] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        self._error = error

    def __call__(self, images: Images) -> list[Any]:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.batches.append(images.ravel().tolist())
        if self._error is not None:
            raise self._error
        time.sleep(0.001)
        with self._lock:
            self.at_once -= 1
        return []


def serve(network: Network, streams: int = 1, batch: int = 1, timeout_ns: int = 0, fixed: int | None = None) -> Served:
    return Serving([network] * streams, IMAGES, batch, timeout_ns, fixed).run(Scheduled(poisson(RATE, 200, 1)))


@pytest.mark.parametrize(("streams", "batch", "timeout_ns"), [(1, 1, 0), (3, 1, 0), (1, 4, 0), (2, 4, 5_000_000)])
def test_every_request_is_answered_once(streams: int, batch: int, timeout_ns: int) -> None:
    network = Network()
    served = serve(network, streams, batch, timeout_ns)
    assert served.sizes.sum() == 200 == sum(map(len, network.batches))
    assert served.sizes.max() <= batch
    assert network.most_at_once <= streams
    assert (served.dispatched_ns >= served.arrived_ns).all()
    assert (served.ended_ns - served.dispatched_ns >= 1_000_000).all(), "the network takes a millisecond"
    assert (np.diff(served.dispatched_ns) >= 0).all(), "in the order of their arrival"
    parts = served.queueing_ns + served.batching_ns + served.inference_ns
    assert (parts == served.latency_ns).all()
    assert (served.late_ns >= 0).all()


def test_requests_that_arrive_together_fill_batches() -> None:
    network = Network()
    served = Serving([network], IMAGES, 4, 0, None).run(Scheduled(np.zeros(12, np.int64)))
    assert served.sizes.tolist() == [4, 4, 4]
    assert network.batches == [[0, 1, 2, 3], [4, 0, 1, 2], [3, 4, 0, 1]], "the images in turn"


def test_a_graph_of_a_fixed_batch_gets_whole_batches() -> None:
    network = Network()
    served = Serving([network], IMAGES, 2, 0, 4).run(Scheduled(np.array([0, 10**9 // 100], np.int64)))
    assert {len(batch) for batch in network.batches} == {4}
    assert served.sizes.tolist() in ([1, 1], [2])


def test_a_timeout_is_waited_for_others() -> None:
    arrived = np.array([0, 20_000_000, 400_000_000], np.int64)
    served = Serving([Network()], IMAGES, 2, 100_000_000, None).run(Scheduled(arrived))
    assert served.sizes.tolist() == [2, 1]
    assert served.dispatched_ns[0] >= 20_000_000


def test_an_error_of_the_network_is_raised_and_ends_all_streams() -> None:
    with pytest.raises(ValueError, match="no"):
        serve(Network(ValueError("no")), streams=3)


@pytest.mark.parametrize(("streams", "batch"), [(1, 1), (2, 3), (1, 8)])
def test_a_query_comes_when_the_one_before_is_answered(streams: int, batch: int) -> None:
    network = Network()
    served = Serving([network] * streams, IMAGES, batch, 0, None).run(Queries(20, 8))
    arrived, ended = (times.reshape(20, 8) for times in (served.arrived_ns, served.ended_ns))
    assert (np.ptp(arrived, axis=1) == 0).all()
    assert (arrived[1:, 0] >= ended[:-1].max(axis=1)).all()
    assert served.sizes.sum() == 160
    assert served.sizes.max() <= batch


def test_an_error_ends_streams_that_wait_for_requests() -> None:
    with pytest.raises(ValueError, match="no"):
        Serving([Network(ValueError("no"))] * 3, IMAGES, 1, 0, None).run(Queries(5, 1))
