"""Online serving: at which rate of requests does the tail of the latency still keep its bound?

Requests arrive as a Poisson process. Service times are measured first. A simulation of the queue says at which rate
most schedules would keep the bound. Three schedules with seeds of their own are then served at this rate; if one breaks
the bound, their service times correct the simulation, and a lower rate is tried.
"""

import math
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.results.parts import Interval, RatePoint
from ssd_core.results.schema import ServerResult
from ssd_core.scenarios.endpoint import Endpoint
from ssd_core.scenarios.inference import Inference
from ssd_core.scenarios.protocol import Context, Scenario
from ssd_core.scenarios.settings import Settings
from ssd_core.stats.percentiles import samples_needed
from ssd_core.stats.served import Served
from ssd_core.stats.steadiness import interval_of_median

SCHEDULES = 3  # with other seeds, all of which have to keep the bound
BOUND = 3.0  # times the median latency at a fifth of the capacity, unless the user gives a bound
_WIDEST = 4.0  # times that, for a machine on which no rate keeps a smaller bound within the time
LARGEST_LATE = 0.05  # of the bound: a run in which requests were taken later is invalid
_TAILS = (99, 95, 90)
_MARGIN = 0.07  # quantile of the peaks of single schedules: at this rate 93 % of schedules keep the bound
_SIMULATED = 200, 40  # schedules at the most, and at the least
_SIMULATED_REQUESTS = 300_000  # of all schedules, unless these are the least
_SMALLER, _MUCH_SMALLER = 0.9, 0.75  # times the rate, if a schedule broke the bound: the first time, and later
_SPARE = 2  # schedules that may fail before
PILOTS = (0.2, 0.6)  # of the capacity: a network that idles between requests is slower than in a burst
_LOWER = (0.5, 0.8)  # of the rate: a few seconds each, for the curve
_LIKELY = 0.7  # of the capacity: about the rate that will be found, to plan the time
_NS_PER_MS = 1_000_000
_OF_A_RATE = 10**9  # the interval is of whole numbers


def cases(settings: Settings, kind: str = "server") -> Iterator[Case]:
    """One per precision, number of streams and threads, with the largest batch that is asked for."""
    for precision in settings.precisions:
        batch = settings.batch_of(precision, settings.batch_sizes[-1] if "batch_size" in settings.given else 1)
        for streams in settings.streams:
            for inter in settings.inter_threads:
                for intra in settings.intra_threads_of(streams):
                    yield Case(kind, precision, batch, inter, intra, streams)


class _Try(NamedTuple):
    """A rate to try, the requests of each schedule, and the peaks of simulated schedules."""

    rate: float
    requests: int
    peaks: list[float]

    @property
    def takes_s(self) -> float:
        """The time of all schedules."""
        return SCHEDULES * self.requests / self.rate if self.rate else math.inf


class Server(Scenario):
    """Serves one case."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__(case, context)
        self._asked = context.settings.server
        inference = Inference(case, context)
        inference.open()
        self.endpoint = Endpoint(inference, context)
        self._seed = 0
        self._begun_s = time.monotonic()

    def measure(self) -> ServerResult:
        """Find the rate, or serve at the given one; UserError if the bound or the time limit is impossible."""
        start = time.perf_counter()
        with self.context.progress.bar(unit=" requests", desc=str(self.case)) as bar:
            self._bar = bar
            self.endpoint.calibrate(bar)
            pilots = [self.schedule(share * self.endpoint.capacity) for share in PILOTS]
            self._bound_ms = self._asked.bound_ms or bound_of(pilots[0])
            self._widest_ms = _WIDEST * self._bound_ms
            self.endpoint.learn(pilots)
            one_ms = self.endpoint.service.mean_ns(1) / _NS_PER_MS
            if self._bound_ms < one_ms:
                raise UserError(
                    f"One inference takes {one_ms:.1f} ms, so no rate keeps a bound of {self._bound_ms:g} ms:"
                    " give a larger --latency-bound-ms."
                )
            self._check_time(self._asked.rate or _LIKELY * self.endpoint.capacity)
            rate, served, peak = self._at(self._asked.rate) if self._asked.rate else self._searched()
            lower = [] if self._asked.rate else [self.schedule(share * rate) for share in _LOWER]
            share = None if self._asked.rate else self._share(BOUND * pilots[0].latency_ms(50))
        return ServerResult(
            **self.case.fields,
            rate=rate,
            searched=self._asked.rate is None,
            peak=peak,
            share_of_capacity=share,
            bound_ms=self._bound_ms,
            percentile=self._percentile,
            batch_timeout_ms=self._asked.batch_timeout_ms,
            latencies_ns=[one.latency_ns.tolist() for one in served],
            points=[self._point(one) for one in (*lower, *served)],
            duration_s=time.perf_counter() - start,
            **self.endpoint.inference.depends_on(),
        )

    def _fits(self, percent: float, rate: float, schedules: int = SCHEDULES) -> bool:
        """Whether so many schedules with the percentile's samples fit into the time."""
        return schedules * samples_needed(percent) / rate <= self._left_s

    @property
    def _percentiles(self) -> Sequence[float]:
        """Those to try, the largest first."""
        return [self._asked.percentile] if self._asked.percentile else _TAILS

    def _check_time(self, rate: float) -> None:
        """UserError if no percentile fits into the time."""
        percent = self._percentiles[-1]
        if not self._fits(percent, rate):
            needed = samples_needed(percent)
            raise UserError(
                f"A p{percent:g} needs {needed} requests in each of {SCHEDULES} schedules, about"
                f" {SCHEDULES * needed / rate:.0f} s at {rate:.1f} requests a second, which --server-seconds"
                f" {self._asked.seconds:g} does not give: give more, or a smaller --latency-percentile."
            )

    @property
    def _left_s(self) -> float:
        return self._asked.seconds - (time.monotonic() - self._begun_s)

    def _at(self, rate: float) -> tuple[float, list[Served], None]:
        fitting = [percent for percent in self._percentiles if self._fits(percent, rate)]
        self._percentile = fitting[0] if fitting else self._percentiles[-1]
        requests = max(samples_needed(self._percentile), self._few(rate))
        return rate, [self._serve(rate, requests) for _ in range(SCHEDULES)], None

    def _searched(self) -> tuple[float, list[Served], Interval]:
        ceiling, smaller, served = math.inf, _SMALLER, list[Served]()
        while True:
            predicted = self._predicted(ceiling)
            if predicted.takes_s <= self._left_s:
                tried, served = predicted, []
            else:
                self._widen(predicted)
                ceiling, smaller = math.inf, _SMALLER
                if not (served and self._kept(served)):
                    continue
                tried = tried._replace(peaks=self._peaks(tried.requests))
            while len(served) < SCHEDULES and self._kept(served):
                served.append(self._serve(tried.rate, tried.requests))
                self.endpoint.learn(served[-1:])
            if self._kept(served):
                return tried.rate, served, _interval(float(np.median(tried.peaks)), tried.peaks)
            ceiling, smaller = smaller * tried.rate, _MUCH_SMALLER

    def _kept(self, served: Sequence[Served]) -> bool:
        """Whether all of them keep the bound."""
        return all(one.keeps(self._percentile, self._bound_ms) for one in served)

    def _predicted(self, ceiling: float) -> _Try:
        """What to try next, for the largest percentile that leaves time for a second try, or the smallest one."""
        schedules, capacity = SCHEDULES + _SPARE, self.endpoint.capacity
        possible = [percent for percent in self._percentiles if self._fits(percent, capacity, schedules)]
        for percent in possible or self._percentiles[-1:]:
            self._percentile, needed = percent, samples_needed(percent)
            requests = max(needed, int(_LIKELY * capacity * self._left_s / schedules))
            peaks = self._peaks(requests)
            rate = min(float(np.quantile(peaks, _MARGIN)), ceiling)
            if rate > 0 and self._fits(percent, rate, schedules):
                return _Try(rate, min(requests, int(rate * self._left_s / schedules)), peaks)
        return _Try(rate, needed, peaks)

    def _widen(self, predicted: _Try) -> None:
        """Take the next bound, if the user leaves it open; UserError otherwise, or when it is the widest."""
        wider_ms = next_round(self._bound_ms)
        if self._asked.bound_ms or wider_ms > self._widest_ms:
            bound = f"p{self._percentile:g} <= {self._bound_ms:g} ms"
            if not predicted.rate:
                raise UserError(f"No rate keeps {bound} with the measured times: give a larger --latency-bound-ms.")
            raise UserError(
                f"No rate kept {bound} in time: {predicted.rate:.1f} requests a second may, for which {SCHEDULES}"
                f" schedules take {predicted.takes_s:.0f} s, and {max(0, self._left_s):.0f} s are left of"
                f" --server-seconds {self._asked.seconds:g}: give more, or a larger --latency-bound-ms."
            )
        self._bound_ms = wider_ms

    def _peaks(self, requests: int) -> list[float]:
        most, least = _SIMULATED
        seeds = range(max(least, min(most, _SIMULATED_REQUESTS // requests)))
        self._bar.set_postfix_str(f"simulating {len(seeds)} schedules of {requests} requests")
        queue, service = self.endpoint.queue, self.endpoint.service
        return [queue.peak(service, seed, requests, self._percentile, self._bound_ms) for seed in seeds]

    def _share(self, bound_ms: float) -> Interval:
        """The peak for another bound over the capacity; this figure does not depend on the machine's speed."""
        queue, service, requests = self.endpoint.queue, self.endpoint.service, samples_needed(self._percentile)
        peaks = [queue.peak(service, seed, requests, self._percentile, bound_ms) for seed in range(_SIMULATED[1])]
        shares = [peak / self.endpoint.capacity for peak in peaks]
        return _interval(float(np.median(shares)), shares)

    def _few(self, rate: float) -> int:
        """Requests of a few seconds."""
        return max(20, int(6 * rate))

    def schedule(self, rate: float, requests: int | None = None) -> Served:
        """One schedule of so many requests, or of a few seconds."""
        self._seed += 1
        about = f"{rate:.1f}/s, schedule {self._seed}"
        self._bar.set_postfix_str(about)
        served = self.endpoint.schedule(rate, requests or self._few(rate), self._seed)
        self._bar.update(len(served.arrived_ns))
        self._bar.set_postfix_str(f"{about}: p90 {served.latency_ms(90):.1f} ms")
        return served

    def _serve(self, rate: float, requests: int) -> Served:
        """One schedule; UserError if requests were taken too late for the bound."""
        served = self.schedule(rate, requests)
        if late_ms(served) > LARGEST_LATE * self._bound_ms:
            raise UserError(
                f"Requests were taken up to {late_ms(served):.2f} ms late (p99) while streams were free, which matters"
                f" for a bound of {self._bound_ms:g} ms: run it on a machine that is less busy."
            )
        return served

    def _point(self, served: Served) -> RatePoint:
        parts = (served.queueing_ns, served.batching_ns, served.inference_ns)
        queueing_ms, batching_ms, inference_ms = (float(times.mean()) / _NS_PER_MS for times in parts)
        return RatePoint(
            rate=served.rate,
            requests=len(served.arrived_ns),
            keeps=served.keeps(self._percentile, self._bound_ms),
            p50_ms=served.latency_ms(50),
            tail_ms=served.latency_ms(self._percentile),
            queueing_ms=queueing_ms,
            batching_ms=batching_ms,
            inference_ms=inference_ms,
            batch=float(served.sizes.mean()),
            late_ms=late_ms(served),
        )


def _interval(middle: float, peaks: Sequence[float]) -> Interval:
    """The median with its 95 % interval."""
    ends = interval_of_median([peak * _OF_A_RATE for peak in peaks])
    low, high = (middle, middle) if ends is None else (end / _OF_A_RATE for end in ends)
    return Interval(middle, min(low, middle), max(high, middle))


def late_ms(served: Served) -> float:
    """p99 of how late requests were taken by a stream that was free; 0 if none was."""
    return float(np.percentile(served.late_ns, 99)) / _NS_PER_MS if len(served.late_ns) else 0.0


def bound_of(pilot: Served) -> float:
    """The bound, in ms, of a service that was mostly idle in this run."""
    return rounded(BOUND * pilot.latency_ms(50))


def rounded(value_ms: float) -> float:
    """To one of 1, 1.5, 2, 3, 5, 7 times a power of ten, so that two runs have the same bound."""
    return min(_round_around(value_ms), key=lambda one: abs(math.log(one / value_ms)))


def next_round(value_ms: float) -> float:
    """The next larger one of these."""
    return min(one for one in _round_around(value_ms) if one > 1.01 * value_ms)


def _round_around(value_ms: float) -> list[float]:
    power = 10.0 ** math.floor(math.log10(value_ms))
    return [step * power for step in (1, 1.5, 2, 3, 5, 7, 10, 15)]
