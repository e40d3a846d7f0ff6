"""Throughput and latency on a worker of fixed durations."""

from pathlib import Path

import pytest

from ssd_core.results.case import Case
from ssd_core.results.schema import LatencyResult, ThroughputResult
from ssd_core.scenarios.series import SHARE
from ssd_core.scenarios.timed import Timed
from ssd_core.stats.sequential import FIRST_LOOK, LOOKS
from tests.scenarios.contexts import ContextMaker

LATENCY = Case("latency", "int8", 1, 1, 2)
MS = 1_000_000


def test_a_case_says_what_it_measured_and_on_what(context: ContextMaker) -> None:
    result = Timed(LATENCY, context({"ms": {"int8": 10.0}}, steps=5, warmup_steps=2)).measure()
    assert isinstance(result, LatencyResult)
    assert result.case == LATENCY
    assert result.samples_ns == [[10 * MS] * 5]
    assert (result.steps, result.warmup_steps, result.stopped) == (5, 2, "fixed steps")
    assert result.images_per_second == pytest.approx(100)
    assert result.latency_ms == pytest.approx({"count": 5, "mean": 10.0})
    assert result.graph == "demo"
    assert result.data is not None
    assert result.data.kind == "dummy"
    assert result.allocator == "malloc"
    assert result.peak_memory_bytes == 500_000_000
    assert result.onednn_kernels is not None
    assert result.onednn_kernels.by_data_type == {"int8": 1.0}
    assert result.supply is None


def test_the_yardsticks_share_is_of_multiplications_a_second(context: ContextMaker) -> None:
    plan = {"ms": {"int8": 10.0}, "yardstick_ms": {"int8": 0.75}}
    result = Timed(LATENCY, context(plan, steps=3, warmup_steps=0)).measure()
    # 34.36 G multiplications in 10 ms, over 3.407 G in 0.75 ms.
    assert result.yardstick_share == pytest.approx(34_360_351_232 / 10 / (3_406_823_424 / 0.75))


def test_the_yardstick_runs_between_the_steps_and_others_are_kept(context: ContextMaker) -> None:
    result = Timed(LATENCY, context({"ms": {"int8": 10.0}}, steps=400, warmup_steps=0)).measure()
    assert result.yardstick is not None
    (marks,) = result.yardstick.within
    assert len(marks.places) >= 5
    assert sum(marks.durations_ns) <= SHARE * sum(result.samples_ns[0])
    (observed,) = result.observed
    assert observed.whole
    assert observed.ends[-1] == 400


def test_processes_are_kept_apart(context: ContextMaker) -> None:
    case = Case("throughput", "int8", 8, 1, 2, streams=2)
    result = Timed(case, context(steps=3, warmup_steps=1, processes=3)).measure()
    assert isinstance(result, ThroughputResult)
    assert [len(process) for process in result.samples_ns] == [3, 3, 3]
    assert result.warmup_steps == 3
    assert result.yardstick is not None
    assert len(result.yardstick.before_ns) == 3 * 10
    assert len(result.yardstick.within) == 3
    assert [marks.places for marks in result.yardstick.within] == [[], [], []], "three short steps leave no time for it"


def test_measuring_on_adds_a_series_of_a_new_worker(context: ContextMaker) -> None:
    timed = Timed(LATENCY, context({"ms": {"int8": 10.0}}, steps=4, warmup_steps=1))
    first, worker = timed.measure(), timed.inference.worker
    longer = timed.measure_on()
    assert timed.inference.worker is not worker
    assert [len(process) for process in first.samples_ns] == [4]
    assert [len(process) for process in longer.samples_ns] == [4, 4]
    assert (longer.steps, longer.warmup_steps) == (8, 2)
    assert len(longer.neighbours) == 2
    assert longer.yardstick is not None
    assert len(longer.yardstick.within) == 2
    assert longer.conditions == first.conditions


def test_on_records_the_supply_is_seen_and_the_records_are_fed_again(
    context: ContextMaker, noise_records: Path
) -> None:
    # The stand-in gives an image in 2 ms, and its network takes 10 ms, records or not.
    timed = Timed(Case("throughput", "int8", 8, 1, 2), context({"ms": {"int8": 10.0}}, noise_records, steps=3))
    result = timed.measure()
    assert result.yardstick is not None
    assert result.yardstick.within[0].places, "it runs on records, too, if steps do not wait for their images"
    supply = result.supply
    assert supply is not None
    assert supply.input_images_per_second == pytest.approx(500)
    assert supply.network_images_per_second == pytest.approx(100)
    assert supply.share_of_network == pytest.approx(1)
    assert not supply.input_bound
    assert timed.inference.fed


def test_a_tuned_case_becomes_the_best_that_was_tried(context: ContextMaker) -> None:
    chosen = context(steps=3, warmup_steps=1, tune=True, streams=(1, 2), intra_threads=(3,), given={"streams"})
    result = Timed(Case("throughput", "int8", streams=0, tuned=True), chosen).measure()
    tried = {(one.streams, one.batch_size): one.images_per_second for one in result.tuning}
    assert set(tried) >= {(1, 4), (2, 4)}
    assert (result.streams, result.batch_size) == max(tried, key=lambda counts: tried[counts])
    assert result.case.id == "int8-tuned"


def test_it_can_be_measured_on_and_in_turn(context: ContextMaker) -> None:
    timed = Timed(LATENCY, context({"ms": {"fp32": 40.0, "int8": 10.0}}, steps=3, warmup_steps=1))
    timed.measure()
    assert timed.run(4) == [10 * MS] * 4
    with timed.in_turn_with_reference(Case("latency", "fp32", 1, 1, 2), "speed-up") as turns:
        assert turns.interleaved().ratios.tolist() == pytest.approx([4.0] * FIRST_LOOK)
        turns.grow()
        assert len(turns.interleaved().ratios) == LOOKS[1]
    with timed.in_turn_with_yardstick("share") as turns:
        assert turns.interleaved().ratios.tolist() == pytest.approx([0.075] * FIRST_LOOK)
