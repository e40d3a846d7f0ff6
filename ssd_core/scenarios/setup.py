"""Setup: how a network is opened, apart from its batch."""

from dataclasses import dataclass

from ssd_core.results.case import Case


@dataclass(frozen=True)
class Setup:
    """Concurrent sessions (streams), the threads of each, and the number of requests for each.

    With 0 streams the runtime chooses the number; the threads are then those of all streams.
    """

    streams: int
    num_inter_threads: int
    num_intra_threads: int
    requests_a_stream: int = 1

    @classmethod
    def of(cls, case: Case) -> "Setup":
        """The setup that a case names."""
        return cls(case.streams, case.num_inter_threads, case.num_intra_threads)

    @classmethod
    def shared(cls, case: Case, streams: int, requests_a_stream: int = 1) -> "Setup":
        """Streams that share a case's threads."""
        threads = max(1, case.num_intra_threads // max(1, streams))
        return cls(streams, case.num_inter_threads, threads, requests_a_stream)

    def __str__(self) -> str:
        """As in `streams 2` and `its own streams, 2 requests each`."""
        streams = f"streams {self.streams}" if self.streams else "its own streams"
        return streams if self.requests_a_stream == 1 else f"{streams}, {self.requests_a_stream} requests each"


def stream_counts(cpus: int) -> tuple[int, ...]:
    """The powers of two up to the number of CPUs, and that number."""
    return tuple(sorted({cpus, *(1 << power for power in range(cpus.bit_length()))}))
