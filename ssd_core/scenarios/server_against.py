"""A/B of the rate that online serving sustains: a case and its variant serve requests in turn, A B B A.

Each block measures a side's batch times, busy and with idle time before. The simulated queue gives the highest rate
that keeps the bound with these times; both sides have the same schedules. What is compared is the time a request at it.
"""

import time
from collections.abc import Iterator, Sequence
from statistics import median

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.results.schema import ServerAgainstResult
from ssd_core.scenarios import server
from ssd_core.scenarios.against import Against
from ssd_core.scenarios.endpoint import Endpoint
from ssd_core.scenarios.interleaved import InterleavedRun
from ssd_core.scenarios.settings import Settings
from ssd_core.stats.queue import Service
from ssd_core.stats.samples import NS_PER_SECOND

_PERCENTILE = 90.0  # unless the user gives one: a block has few service times
_RATE = 0.6  # of the slower side's capacity, at which a block serves
_BLOCK_S, _LEAST_REQUESTS = 2.0, 10  # of a block's schedule
_BUSY_BATCHES = 5  # of a block, of each size and stream
_SCHEDULES, _SIMULATED_REQUESTS = 15, 600  # simulated of each block


def cases(settings: Settings) -> Iterator[Case]:
    """Those of the server scenario."""
    yield from server.cases(settings, "server_against")


class ServerAgainst(Against):
    """Compares the sustained rates of a case and its variant."""

    result_type = ServerAgainstResult

    def _started(self) -> InterleavedRun:
        self._begun_s = time.monotonic()
        asked = self.context.settings.server
        other, own = (Endpoint(inference, self.context) for inference in (self._other, self._own))
        with self.context.progress.bar(unit=" batches", desc=str(self.case)) as bar:
            for endpoint in (other, own):
                endpoint.calibrate(bar)
        rate = _RATE * min(other.capacity, own.capacity)
        bound_ms = asked.bound_ms or server.bound_of(own.schedule(server.PILOTS[0] * own.capacity, _LEAST_REQUESTS, 0))
        sides = [_Side(end, rate, asked.percentile or _PERCENTILE, bound_ms) for end in (other, own)]
        return InterleavedRun(*sides, steps=1)

    def _elapsed_s(self, run: InterleavedRun) -> float:
        return time.monotonic() - self._begun_s

    @property
    def _time_limit_s(self) -> float:
        return self.context.settings.server.seconds

    @property
    def _images_a_sample(self) -> int:
        return 1


class _Side:
    """A runner whose step is a block, and whose time is that of a request at the highest rate."""

    def __init__(self, endpoint: Endpoint, rate: float, percentile: float, bound_ms: float) -> None:
        self._endpoint = endpoint
        self._rate, self._requests = rate, max(_LEAST_REQUESTS, int(_BLOCK_S * rate))
        self._percentile = percentile
        self._bound_ms = bound_ms
        self._block = 0

    def run(self, steps: int) -> Sequence[float]:
        """The nanoseconds a request of each block; UserError if no rate keeps the bound."""
        return [self._request_ns() for _ in range(steps)]

    def _request_ns(self) -> float:
        self._block += 1
        end = self._endpoint
        end.burst(end.sizes[-1], 1)  # idle since the last block
        busy = [end.burst(size, _BUSY_BATCHES) for size in end.sizes]
        service = Service.of([*busy, end.schedule(self._rate, self._requests, self._block)])
        peaks = [
            end.queue.peak(service, seed, _SIMULATED_REQUESTS, self._percentile, self._bound_ms)
            for seed in range(_SCHEDULES)
        ]
        if not (peak := median(peaks)):
            raise UserError(
                f"No rate keeps p{self._percentile:g} <= {self._bound_ms:g} ms: give a larger --latency-bound-ms."
            )
        return NS_PER_SECOND / peak
