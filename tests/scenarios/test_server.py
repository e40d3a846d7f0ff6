"""Online serving on a worker whose queue is simulated: the rate that is found, and what is refused."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.results.schema import ServerResult
from ssd_core.scenarios import server
from ssd_core.scenarios.server import SCHEDULES, Server, cases, next_round, rounded
from ssd_core.scenarios.settings import ServerAsked, Settings
from ssd_core.stats.queue import Queue, Service
from ssd_core.stats.served import Batches, Served, Times, poisson
from tests.scenarios.contexts import ContextMaker
from tests.stand_in_worker import StandInWorker
from tests.stats.test_queue import exact_peak

CASE = Case("server", "int8", 1, 1, 2)
TEN_MS = {"ms": {"int8": 10.0}}


def served(context: ContextMaker, case: Case = CASE, plan: dict[str, Any] | None = None, **asked: Any) -> ServerResult:
    return Server(case, context(plan or TEN_MS, server=ServerAsked(**asked))).measure()


def test_the_peak_of_fixed_services_is_found(context: ContextMaker) -> None:
    result = served(context, bound_ms=60.0, percentile=99.0, seconds=600.0)
    assert result.peak is not None
    assert result.peak.value == pytest.approx(exact_peak(), rel=0.05)
    assert result.peak.low <= result.peak.value <= result.peak.high
    assert result.rate < result.peak.value
    assert result.rate >= 0.87 * exact_peak()
    assert len(result.latencies_ns) == SCHEDULES
    assert result.share_of_capacity is not None
    assert 0.3 < result.share_of_capacity.value < result.peak.value / 100, "for a bound of 30 ms in place of 60"
    assert [point.keeps for point in result.points] == [True] * (2 + SCHEDULES)


def test_further_schedules_keep_the_bound_and_a_higher_rate_breaks_it(context: ContextMaker) -> None:
    result = served(context, bound_ms=60.0, percentile=99.0, seconds=1000.0)
    requests = len(result.latencies_ns[0])
    ten_ms = Service.of_times({1: [10_000_000]})

    def kept(rate: float) -> list[bool]:
        schedules = (poisson(rate, requests, seed) for seed in range(1000, 1020))
        return [Queue().serve(arrived, ten_ms).keeps(99, 60.0) for arrived in schedules]

    assert sum(kept(result.rate)) >= 16, "93 % of schedules do"
    assert not any(kept(1.2 * exact_peak()))


def test_streams_and_batches_take_more(context: ContextMaker) -> None:
    plain, streams, batches = (
        served(context, case, bound_ms=100.0, percentile=90.0, seconds=8.0)
        for case in (CASE, Case("server", "int8", 1, 1, 1, streams=2), Case("server", "int8", 8, 1, 2))
    )
    assert streams.rate > 1.9 * plain.rate
    assert batches.rate > plain.rate
    assert max(point.batch for point in batches.points) > 1.5


def keeps(rate: float, seed: int, bound_ms: float) -> bool:
    """Whether p95 of 8,000 requests keeps the bound, if one server takes batches of up to 8 in 10 + 2n ms."""
    arrived_ms = (poisson(rate, 8_000, seed) * 1e-6).tolist()
    latencies_ms, free_ms, first = [], 0.0, 0
    while first < len(arrived_ms):
        start_ms = max(free_ms, arrived_ms[first])
        batch = [one for one in arrived_ms[first : first + 8] if one <= start_ms]
        free_ms = start_ms + 10 + 2 * len(batch)
        latencies_ms += [free_ms - one for one in batch]
        first += len(batch)
    return bool(np.percentile(latencies_ms, 95) <= bound_ms)


def test_the_peak_of_batches_is_that_of_another_simulation(context: ContextMaker) -> None:
    plan = {"ms": {"int8": 12.0}, "call": 10 / 12, "noise": 0.0}
    case = Case("server", "int8", 8, 1, 2)
    result = served(context, case, plan, bound_ms=60.0, percentile=95.0, seconds=20.0)
    assert result.peak is not None
    low, high = 100.0, 310.0
    for _ in range(8):
        middle = (low + high) / 2
        kept = sum(keeps(middle, seed, 60.0) for seed in range(500, 509))
        low, high = (middle, high) if kept >= 5 else (low, middle)
    assert result.peak.value == pytest.approx(low, rel=0.05)


def test_a_given_rate_is_served_and_not_searched(context: ContextMaker) -> None:
    result = served(context, rate=20.0)
    assert (result.rate, result.searched, result.peak) == (20.0, False, None)
    assert result.percentile == 99
    assert result.bound_ms == 30.0, "three times 10 ms"
    assert all(point.rate == pytest.approx(20.0, rel=0.15) for point in result.points)


def test_a_slow_network_gets_the_percentile_that_fits(context: ContextMaker) -> None:
    assert served(context, plan={"ms": {"int8": 300.0}}, seconds=180.0).percentile == 90


@pytest.fixture
def slow_when_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of 170 ms that is up to 1.7 times as slow after idle time, on a clock that its requests move."""
    now_s = 0.0

    def service(worker: StandInWorker, _: int) -> Service:
        noise = np.random.default_rng(5).lognormal(0.0, 0.15, (6, 2000))
        return Service({1: 170e6}, tuple(noise * np.array([1, 1.2, 1.25, 1.3, 1.4, 1.4])[:, None]))

    def serve(worker: StandInWorker, arrived_ns: Times, batches: Batches) -> Served:
        nonlocal now_s
        answer = served_at_once(worker, arrived_ns, batches)
        now_s += float(answer.ended_ns.max()) * 1e-9
        return answer

    served_at_once = StandInWorker.serve
    monkeypatch.setattr(StandInWorker, "_service", service)
    monkeypatch.setattr(StandInWorker, "serve", serve)
    monkeypatch.setattr(server, "time", SimpleNamespace(monotonic=lambda: now_s, perf_counter=lambda: now_s))


@pytest.mark.usefixtures("slow_when_idle")
def test_a_slow_network_that_is_slower_after_idle_time_gets_a_rate(context: ContextMaker) -> None:
    result = served(context)
    assert result.percentile == 90
    assert 500 <= result.bound_ms <= 1000
    assert 1.5 < result.rate < 5
    assert result.duration_s is not None
    assert result.duration_s < 180


@pytest.mark.usefixtures("slow_when_idle")
def test_a_bound_that_is_left_open_is_widened_if_the_time_is_short(context: ContextMaker) -> None:
    narrow, wide = served(context), served(context, seconds=75.0)
    assert wide.bound_ms > narrow.bound_ms
    assert all(np.percentile(one, 90) <= wide.bound_ms * 1e6 for one in wide.latencies_ns)
    with pytest.raises(UserError, match=r"No rate kept p90 <= 500 ms in time: \d\.\d requests a second may, for which"):
        served(context, seconds=75.0, bound_ms=500.0)
    with pytest.raises(UserError, match="No rate keeps p90 <= 230 ms with the measured times: give a larger"):
        served(context, bound_ms=230.0)


@pytest.mark.parametrize(
    ("plan", "asked", "sentence"),
    [
        ({}, {"bound_ms": 9.0}, r"One inference takes 10\.0 ms, so no rate keeps a bound of 9 ms"),
        ({}, {"percentile": 99.9}, r"A p99\.9 needs 6636 requests in each of 3 schedules"),
        ({"ms": {"int8": 2000.0}}, {}, r"A p90 needs 64 requests"),
        ({"late_ms": 5.0}, {"rate": 20.0}, r"taken up to 5\.00 ms late \(p99\) while streams were free"),
        ({}, {"rate": 20.0, "seconds": 10.0, "percentile": 99.0}, "A p99 needs 662"),
    ],
)
def test_what_cannot_be_answered_is_a_sentence(
    context: ContextMaker, plan: dict[str, Any], asked: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        served(context, plan={**TEN_MS, **plan}, **asked)


def test_cases_have_one_batch_size() -> None:
    found = list(cases(Settings(precisions=("fp32", "int8"), batch_sizes=(1, 8))))
    assert [(case.precision, case.batch_size) for case in found] == [("fp32", 1), ("int8", 1)]
    found = list(cases(Settings(precisions=("int8",), batch_sizes=(1, 8), given=frozenset({"batch_size"}))))
    assert [case.batch_size for case in found] == [8]


@pytest.mark.parametrize(("value", "bound"), [(97.8, 100), (31, 30), (640, 700), (12.0, 10), (2.4, 2)])
def test_a_bound_is_round(value: float, bound: float) -> None:
    assert rounded(value) == pytest.approx(bound)


@pytest.mark.parametrize(("value", "bound"), [(100, 150), (150, 200), (700, 1000), (1000, 1500), (20, 30)])
def test_the_next_bound_is_round(value: float, bound: float) -> None:
    assert next_round(value) == pytest.approx(bound)
