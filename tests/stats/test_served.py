"""Requests that were served: the parts of their latency, and when a run keeps a bound."""

import numpy as np
import pytest

from ssd_core.stats.served import LARGEST_LOAD, Served, poisson

MS = 1_000_000


def served(arrived: list[int], formed: list[int], dispatched: list[int], ended: list[int], sizes: list[int]) -> Served:
    """Times in ms."""
    begun, taken, sent, done = (np.array(one, np.int64) * MS for one in (arrived, formed, dispatched, ended))
    return Served(begun, taken, sent, done, np.array(sizes), np.zeros(0, np.int64), batch_size=2)


def test_the_parts_of_a_latency_add_up_to_it() -> None:
    # The first waits for a second one, which comes while the batch is formed; the third waits for the stream.
    one = served([10, 14, 16], [5, 5, 30], [14, 14, 30], [30, 30, 40], [2, 1])
    assert (one.queueing_ns / MS).tolist() == [0, 0, 14]
    assert (one.batching_ns / MS).tolist() == [4, 0, 0]
    assert (one.inference_ns / MS).tolist() == [16, 16, 10]
    assert (one.latency_ns == one.queueing_ns + one.batching_ns + one.inference_ns).all()
    assert (one.of_batches / MS).tolist() == [16, 10]


def test_a_bound_is_kept_by_its_percentile() -> None:
    one = served([10, 20], [0, 15], [10, 20], [15, 30], [1, 1])
    assert one.latency_ms(100) == pytest.approx(10)
    assert one.keeps(100, 10.0)
    assert not one.keeps(100, 9.99)


def test_a_queue_that_grows_keeps_no_bound() -> None:
    arrived = np.arange(1, 101) * 10 * MS
    one = Served(arrived, arrived, arrived, arrived + 10 * MS, np.ones(100, np.int64), np.zeros(0, np.int64))
    assert one.load == pytest.approx(1.0)
    assert one.load > LARGEST_LOAD
    assert not one.keeps(99, 1000.0)


def test_a_schedule_is_a_poisson_process_that_its_seed_repeats() -> None:
    one = poisson(50.0, 20_000, 3)
    gaps_s = np.diff(one, prepend=0) * 1e-9
    assert gaps_s.mean() == pytest.approx(0.02, rel=5 / np.sqrt(20_000))  # five standard errors
    assert gaps_s.std() == pytest.approx(0.02, rel=5 * np.sqrt(2 / 20_000))
    assert (one == poisson(50.0, 20_000, 3)).all()
    assert (one != poisson(50.0, 20_000, 4)).any()
    assert poisson(100.0, 20_000, 3) == pytest.approx(one / 2, abs=1)
