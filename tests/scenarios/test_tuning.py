"""The search on made-up machines: what it never does, and what it finds."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ssd_core.scenarios.tuning import BATCH_SIZES, Candidate, Setup, Tuned, search, stream_counts

SETUPS = [Setup(1, 1, 4), Setup(2, 1, 2), Setup(4, 1, 1)]


def tried(
    rate: Callable[[Candidate[Setup]], float], batches: tuple[int, ...] = BATCH_SIZES
) -> tuple[Tuned[Setup], list[Candidate[Setup]]]:
    asked: list[Candidate[Setup]] = []

    def measure(candidate: Candidate[Setup]) -> float:
        asked.append(candidate)
        return rate(candidate)

    return search(SETUPS, batches, measure), asked


@given(
    rates=st.lists(st.floats(0.01, 1000), min_size=15, max_size=15),
    batches=st.lists(st.integers(1, 64), min_size=1, max_size=5, unique=True).map(lambda b: tuple(sorted(b))),
)
def test_the_best_is_no_slower_than_anything_tried_and_nothing_is_tried_twice(
    rates: list[float], batches: tuple[int, ...]
) -> None:
    machine = dict(zip([Candidate(s, b) for s in SETUPS for b in batches], rates, strict=False))
    found, asked = tried(machine.__getitem__, batches)
    assert len(set(asked)) == len(asked)
    assert list(found.rates) == asked
    assert machine[found.best] == max(machine[candidate] for candidate in asked)
    assert {candidate.setup for candidate in asked} == set(SETUPS), "no setup is left out"


@given(st.sampled_from(SETUPS), st.sampled_from(BATCH_SIZES))
def test_a_single_peak_is_found(setup: Setup, batch: int) -> None:
    """Each step away from the peak costs a tenth, in streams as in batches."""

    def rate(candidate: Candidate[Setup]) -> float:
        steps = abs(SETUPS.index(candidate.setup) - SETUPS.index(setup))
        steps += abs(BATCH_SIZES.index(candidate.batch_size) - BATCH_SIZES.index(batch))
        return float(0.9**steps)

    assert tried(rate)[0].best == Candidate(setup, batch)


def test_streams_are_looked_at_again_where_the_batch_moved() -> None:
    """Two streams are best at batch 1 only, and batch 1 is best in any."""

    def rate(candidate: Candidate[Setup]) -> float:
        few = candidate.batch_size == 1
        return (3.0 if candidate.setup.streams == 2 else 2.0) if few else 1.0 - 0.1 * candidate.batch_size / 16

    assert tried(rate)[0].best == Candidate(SETUPS[1], 1)


def test_batches_grow_only_while_that_gains_a_hundredth() -> None:
    rates = {1: 1.0, 2: 1.0, 4: 1.0, 8: 1.005, 16: 2.0}
    found, asked = tried(lambda candidate: rates[candidate.batch_size] / candidate.setup.streams)
    assert {candidate.batch_size for candidate in asked} == {2, 4, 8}, "one step each way, and no more"
    assert found.best == Candidate(SETUPS[0], 8)


def test_one_batch_size_leaves_the_setups() -> None:
    _, asked = tried(lambda candidate: 1.0, (3,))
    assert asked == [Candidate(setup, 3) for setup in SETUPS]


def test_stream_counts_double_up_to_the_cpus() -> None:
    assert stream_counts(1) == (1,)
    assert stream_counts(2) == (1, 2)
    assert stream_counts(6) == (1, 2, 4, 6)
    assert stream_counts(8) == (1, 2, 4, 8)


@given(st.integers(1, 512))
def test_stream_counts_begin_with_one_and_end_with_all(cpus: int) -> None:
    counts = stream_counts(cpus)
    assert (counts[0], counts[-1]) == (1, cpus)
    assert all(before < after <= 2 * before for before, after in pairwise(counts))
