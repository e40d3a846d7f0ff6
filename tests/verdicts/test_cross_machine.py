from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.results.run import read_run
from ssd_core.results.schema import as_info
from ssd_core.verdicts.compare import Verdict
from ssd_core.verdicts.cross_machine import NOTE, cross_machine_report
from ssd_core.verdicts.report import Exit, Report, Row
from tests.saved_runs import BenchmarkMaker, Saver
from tests.typed_results import server


def compared(*files: Path) -> Report:
    return cross_machine_report([read_run(path) for path in files])


def row(found: Report, figure: str, name: str = "") -> Row:
    (one,) = (row for row in found.rows if row.figure == figure and name in row.case)
    return one


def verdict(one: Row, index: int = 1) -> Verdict:
    comparison = one.comparisons[index]
    assert comparison is not None
    return comparison.verdict


@pytest.fixture
def machines(benchmark_of: BenchmarkMaker, save: Saver) -> list[Path]:
    """Three machines: the second twice as fast in all, the third only in fp32; each with threads for its own cores."""
    times = [("a.json", 60.0, 20.0, 2), ("b.json", 30.0, 10.0, 8), ("c.json", 30.0, 20.0, 64)]
    return [
        save(
            name,
            [
                benchmark_of(
                    "latency", "fp32", ms=fp32, seed=threads, num_intra_threads=threads, binding={"cpus": [9]}
                ),
                benchmark_of("latency", "int8", ms=int8, seed=threads + 1, num_intra_threads=threads),
                benchmark_of("accuracy", "int8", num_intra_threads=threads, allocator=name),
            ],
            cpu_model=name,
            cores=threads,
        )
        for name, fp32, int8, threads in times
    ]


def test_times_are_left_out_and_it_says_so(machines: list[Path]) -> None:
    found = compared(*machines)
    assert {row.figure for row in found.rows} == {"int8/fp32 speed-up", "share of yardstick", "p90/p50", "AP"}
    assert found.notes[0] == NOTE
    assert "not compared" in NOTE
    assert found.machines == ("a.json, 2 cores", "b.json, 8 cores", "c.json, 64 cores")


def test_the_speed_up_over_fp32_is_compared(machines: list[Path]) -> None:
    speedup = row(compared(*machines), "int8/fp32 speed-up")
    assert speedup.case == "latency int8-batch1"
    assert speedup.values == pytest.approx((3, 3, 1.5), rel=0.01)
    assert [verdict(speedup, index) for index in (1, 2)] == [Verdict.NO_CHANGE, Verdict.REGRESSION]
    worse = speedup.comparisons[2]
    assert worse is not None
    assert worse.ratio == pytest.approx(0.5, rel=0.02)
    assert worse.low is not None
    assert worse.high is not None
    assert worse.low < 0.5 < worse.high
    assert 1.005 < worse.high / worse.low < 1.03  # four medians of 200 samples, each known to 0.18 %


def test_the_same_machine_twice_is_fine(machines: list[Path]) -> None:
    assert compared(machines[0], machines[1]).exit is Exit.FINE
    assert compared(machines[0], machines[2]).exit is Exit.REGRESSION


def test_a_smaller_share_of_the_yardstick_is_worse(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = save("a.json", [benchmark_of(yardstick_share=0.8)])
    for share, expected in ((0.6, Verdict.REGRESSION), (1.0, Verdict.IMPROVEMENT), (0.8, Verdict.NO_CHANGE)):
        b = save("b.json", [benchmark_of(yardstick_share=share, ms=3.0, seed=2)], cores=64)
        found = row(compared(a, b), "share of yardstick")
        assert verdict(found) is expected
        assert found.values == pytest.approx((0.8, share))


def test_a_longer_tail_is_worse_whatever_the_time(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    def durations(centre: int, tail: int) -> list[list[int]]:
        return [[centre + index % 7 if index % 5 else centre * tail // 100 + index % 7 for index in range(300)]]

    a = save("a.json", [benchmark_of("latency", samples_ns=durations(10_000, 110))])
    b = save("b.json", [benchmark_of("latency", samples_ns=durations(3_000, 150))], cores=64)
    shape = row(compared(a, b), "p90/p50")
    assert shape.values == pytest.approx((1.1, 1.5), rel=0.01)
    assert verdict(shape) is Verdict.REGRESSION


def test_a_tail_wants_its_samples(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = save("a.json", [benchmark_of("latency")])
    b = save("b.json", [benchmark_of("latency", samples_ns=[[20_000_000] * 63])])
    assert verdict(row(compared(a, b), "p90/p50")) is Verdict.MISSING


def test_few_samples_are_too_noisy(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    few = [benchmark_of(precision=precision, samples_ns=[[ms] * 5]) for precision, ms in (("fp32", 60), ("int8", 20))]
    a = save("a.json", [benchmark_of(precision="fp32", ms=60.0), benchmark_of()])
    assert verdict(row(compared(a, save("b.json", few)), "int8/fp32 speed-up")) is Verdict.TOO_NOISY


def test_other_weights_cost_no_time_but_have_another_ap(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    both = [benchmark_of(), benchmark_of("accuracy")]
    other = [benchmark_of(graph_sha256="x", seed=2), benchmark_of("accuracy", graph_sha256="x")]
    found = compared(save("a.json", both), save("b.json", other, cores=64))
    assert verdict(row(found, "share of yardstick")) is Verdict.NO_CHANGE
    assert verdict(row(found, "AP")) is Verdict.INCOMPARABLE


def test_other_operations_or_data_are_incomparable(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = save("a.json", [benchmark_of()])
    for changes in ({"graph_ops": {"Conv2D": 1}}, {"data": {"kind": "records", "digest": "d"}}):
        found = compared(a, save("b.json", [benchmark_of(**changes)], cores=64))
        assert verdict(row(found, "share of yardstick")) is Verdict.INCOMPARABLE
        assert found.exit is Exit.INCOMPARABLE


def test_thread_counts_match_where_one_file_has_several(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = save("a.json", [benchmark_of(num_intra_threads=threads) for threads in (1, 2)])
    b = save("b.json", [benchmark_of(num_intra_threads=2, seed=2)], cores=64)
    found = compared(a, b)
    assert verdict(row(found, "share of yardstick", "intra2")) is Verdict.NO_CHANGE
    assert verdict(row(found, "share of yardstick", "intra1")) is Verdict.MISSING
    assert "by their thread counts" in found.notes[1]


def test_the_rate_over_batch_throughput_is_compared(save: Saver) -> None:
    """Another bound does not matter: the figure is of a bound of three latencies of the machine itself."""
    a = save("a.json", [{"name": "a", "fullname": "a", "extra_info": as_info(server(25.0))}])
    for peak, expected in ((25.1, Verdict.NO_CHANGE), (15.0, Verdict.REGRESSION)):
        other = as_info(server(peak, bound_ms=300.0))
        b = save("b.json", [{"name": "b", "fullname": "b", "extra_info": other}], cores=64)
        found = row(compared(a, b), "rate over batch throughput")
        assert verdict(found) is expected
        assert found.values == pytest.approx((0.5, peak / 50))
    c = save("c.json", [{"name": "c", "fullname": "c", "extra_info": as_info(server(25.0, percentile=95.0))}])
    assert verdict(row(compared(a, c), "rate over batch throughput")) is Verdict.INCOMPARABLE


def test_unsteady_series_are_marked(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a, b = save("a.json", [benchmark_of()]), save("b.json", [benchmark_of(seed=2, steady=False)], cores=64)
    comparison = row(compared(a, b), "share of yardstick").comparisons[1]
    assert comparison is not None
    assert comparison.reason.endswith("this run never became steady")


def test_nothing_in_common(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a, b = save("a.json", [benchmark_of()]), save("b.json", [benchmark_of(batch_size=8)], cores=64)
    assert compared(a, b).exit is Exit.NOTHING


def test_impossible_requests(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    run = read_run(save("a.json", [benchmark_of()]))
    with pytest.raises(UserError, match="limit"):
        cross_machine_report([run, run], limit=-1)
    with pytest.raises(UserError, match="two files"):
        cross_machine_report([run])
