"""Arrivals: when requests arrive, in nanoseconds from the start of a run; by a schedule, or as they come."""

import threading
import time
from abc import ABC, abstractmethod

import numpy as np

from ssd_core.stats.served import Times

_BEGIN_NS = 20_000_000  # until the streams' threads have started
_SPIN_NS = 3_000_000  # before a time that is waited for: on a virtual machine a sleep may last so much longer


class Arrivals(ABC):
    """The requests of one run, by their number in the order of their arrival."""

    def begin(self) -> None:
        """Start the clock."""
        self._begin_ns = time.perf_counter_ns() + _BEGIN_NS

    def now(self) -> int:
        """The time on the run's clock."""
        return time.perf_counter_ns() - self._begin_ns

    @abstractmethod
    def first(self, number: int) -> int | None:
        """Wait for a request, and return when it arrived; None if there is no such request."""

    @abstractmethod
    def more(self, number: int, until_ns: int) -> None:
        """Wait until a request has arrived that can join a batch, but no longer than until this time."""

    @abstractmethod
    def count(self) -> int:
        """How many requests have arrived."""

    @abstractmethod
    def all(self) -> Times:
        """When each request arrived, `[requests]`; after the run."""

    def answered(self, first: int, size: int) -> None:
        """The network has answered a batch."""
        return

    def end(self) -> None:
        """No further request arrives: a stream failed, or the run is over."""
        return


class Scheduled(Arrivals):
    """Requests that arrive at given times: nothing generates them, so arrivals take no CPU time from the network."""

    def __init__(self, arrived_ns: Times) -> None:
        self._arrived_ns = arrived_ns

    def first(self, number: int) -> int | None:
        """The request's scheduled time, once it has come."""
        if number >= len(self._arrived_ns):
            return None
        arrived_ns = int(self._arrived_ns[number])
        self._wait(arrived_ns)
        return arrived_ns

    def more(self, number: int, until_ns: int) -> None:
        """Wait until the last request that is left, at the most."""
        self._wait(min(int(self._arrived_ns[min(number, len(self._arrived_ns) - 1)]), until_ns))

    def count(self) -> int:
        """Those whose time has come."""
        return int(np.searchsorted(self._arrived_ns, self.now(), side="right"))

    def all(self) -> Times:
        """The schedule."""
        return self._arrived_ns

    def _wait(self, until_ns: int) -> None:
        left_ns = until_ns - self.now()
        if left_ns > _SPIN_NS:
            time.sleep((left_ns - _SPIN_NS) * 1e-9)
        while self.now() < until_ns:
            time.sleep(0)  # lets the other streams have Python


class Live(Arrivals):
    """Requests that arrive when `add` is called, until `end`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # guards all below
        self._arrived_ns: list[int] = []
        self._ended = False

    def add(self, requests: int) -> None:
        """So many requests arrive now."""
        with self._changed:
            self._arrived_ns += [self.now()] * requests
            self._changed.notify_all()

    def first(self, number: int) -> int | None:
        """When the request arrived."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._arrived_ns) > number or self._ended)
            return self._arrived_ns[number] if len(self._arrived_ns) > number else None

    def more(self, number: int, until_ns: int) -> None:
        """Wait for `add`."""
        with self._changed:
            while len(self._arrived_ns) <= number and not self._ended and (left_ns := until_ns - self.now()) > 0:
                self._changed.wait(left_ns * 1e-9)

    def count(self) -> int:
        """Those that were added."""
        return len(self._arrived_ns)

    def all(self) -> Times:
        """When `add` was called."""
        return np.array(self._arrived_ns, np.int64)

    def end(self) -> None:
        """Let streams end that wait for requests."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class Queries(Live):
    """So many queries of some requests each; a query comes when the one before is answered."""

    def __init__(self, queries: int, requests: int) -> None:
        super().__init__()
        self._left, self._requests, self._open = queries, requests, 0

    def begin(self) -> None:
        """The first query comes."""
        super().begin()
        self._next()

    def answered(self, first: int, size: int) -> None:
        """The next query comes if this was the last batch of one."""
        with self._changed:
            self._open -= size
            if not self._open:
                self._next()

    def _next(self) -> None:
        if self._left:
            self._left, self._open = self._left - 1, self._requests
            self.add(self._requests)
        else:
            self.end()
