"""How a network is opened: streams, threads and requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssd_core.results.case import Case
from ssd_core.scenarios.setup import Setup, stream_counts


def test_a_case_names_its_setup() -> None:
    assert Setup.of(Case("throughput", "int8", 8, 2, 3, streams=4)) == Setup(4, 2, 3, requests_a_stream=1)


@given(st.integers(1, 256), st.integers(0, 512), st.integers(1, 4))
def test_streams_share_a_cases_threads(threads: int, streams: int, requests: int) -> None:
    shared = Setup.shared(Case("peers", "int8", 1, 2, threads), streams, requests)
    assert (shared.streams, shared.num_inter_threads, shared.requests_a_stream) == (streams, 2, requests)
    each, sharers = shared.num_intra_threads, max(1, streams)  # the runtime's own streams have all of them
    assert each >= 1
    assert each * sharers <= max(threads, sharers)
    assert (each + 1) * sharers > threads


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        (Setup(2, 1, 4), "streams 2"),
        (Setup(2, 1, 4, 3), "streams 2, 3 requests each"),
        (Setup(0, 1, 4), "its own streams"),
        (Setup(0, 1, 4, 2), "its own streams, 2 requests each"),
    ],
)
def test_setups_have_names_for_people(setup: Setup, words: str) -> None:
    assert str(setup) == words


@given(st.integers(1, 1000))
def test_the_streams_that_are_tried_are_powers_of_two_and_one_a_cpu(cpus: int) -> None:
    counts = stream_counts(cpus)
    powers = [count for count in range(1, cpus + 1) if count & (count - 1) == 0]
    assert list(counts) == sorted({*powers, cpus})
