from pathlib import Path
from typing import Any

import msgspec
import pytest

from ssd_core.errors import UserError
from ssd_core.results.parts import Marks, Neighbours, Yardstick
from ssd_core.results.run import read_run
from ssd_core.results.schema import TimedResult
from ssd_core.verdicts.compare import LIMIT, Verdict
from ssd_core.verdicts.report import Exit, Report, UnlikeMachinesError, compare_accuracy, compare_results, report
from tests.saved_runs import BenchmarkMaker, Saver
from tests.typed_results import server, timed


def compared(*files: Path, limit: float = LIMIT) -> Report:
    return report([read_run(path) for path in files], limit)


def verdicts(found: Report) -> dict[str, list[Verdict | None]]:
    return {row.case: [one.verdict if one else None for one in row.comparisons[1:]] for row in found.rows}


def test_tuned_cases_compare_by_the_image_and_say_where_they_chose_otherwise(
    benchmark_of: BenchmarkMaker, save: Saver
) -> None:
    a = [benchmark_of(tuned=True, batch_size=1, streams=2, ms=40.0)]
    b = [benchmark_of(tuned=True, batch_size=4, streams=1, ms=80.0, seed=2, yardstick_share=0.8)]
    found = compared(save("a.json", a), save("b.json", b))
    (row,) = found.rows
    assert (row.case, row.figure) == ("throughput int8-tuned", "median ms an image")
    assert list(row.values) == [pytest.approx(20, rel=0.05)] * 2
    (comparison,) = found.comparisons
    assert comparison.verdict is Verdict.NO_CHANGE
    assert comparison.reason.endswith("; tuned to other settings: batch_size (1 -> 4), streams (2 -> 1)")
    same = compared(save("a.json", a), save("c.json", [benchmark_of(tuned=True, streams=2, ms=40.0, seed=3)]))
    assert "tuned" not in same.comparisons[0].reason


def test_every_verdict_is_listed_by_case(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = [benchmark_of(batch_size=batch) for batch in (1, 2, 3, 4, 5)]
    b = [
        benchmark_of(batch_size=1, seed=2),
        benchmark_of(batch_size=2, seed=2, ms=24.0),
        benchmark_of(batch_size=3, seed=2, ms=16.0),
        benchmark_of(batch_size=4, seed=2, allocator="tcmalloc"),
        benchmark_of(batch_size=6),
    ]
    found = compared(save("a.json", a), save("b.json", b))
    assert verdicts(found) == {
        "throughput int8-batch1-intra2": [Verdict.NO_CHANGE],
        "throughput int8-batch2-intra2": [Verdict.REGRESSION],
        "throughput int8-batch3-intra2": [Verdict.IMPROVEMENT],
        "throughput int8-batch4-intra2": [Verdict.INCOMPARABLE],
        "throughput int8-batch5-intra2": [Verdict.MISSING],
        "throughput int8-batch6-intra2": [Verdict.NEW],
    }
    assert found.exit is Exit.REGRESSION
    slower = found.rows[1]
    assert slower.figure == "median ms"
    assert slower.values == pytest.approx((20, 24), rel=0.01)
    assert slower.comparisons[0] is None
    assert found.files == ("a.json", "b.json")
    assert found.machines == ("Example 9000, 2 cores",) * 2


def test_the_first_file_is_the_baseline_of_all_others(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    files = [
        save(name, [benchmark_of(seed=seed, ms=ms)])
        for name, seed, ms in (("a.json", 1, 20.0), ("b.json", 2, 24.0), ("c.json", 3, 16.0), ("d.json", 4, 20.0))
    ]
    expected = [Verdict.REGRESSION, Verdict.IMPROVEMENT, Verdict.NO_CHANGE]
    assert list(verdicts(compared(*files)).values()) == [expected]


def test_a_case_that_only_later_files_have_is_compared_with_nothing(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    files = [save("a.json", [benchmark_of()]), save("b.json", [benchmark_of()])]
    files.append(save("c.json", [benchmark_of(), benchmark_of(batch_size=8)]))
    assert verdicts(compared(*files))["throughput int8-batch8-intra2"] == [None, Verdict.NEW]


@pytest.mark.parametrize(
    ("second", "status"),
    [
        ([{"seed": 2}], Exit.INCOMPARABLE),  # the fp32 case is missing
        ([{"seed": 2}, {"precision": "fp32"}], Exit.FINE),
        ([{"seed": 2, "ms": 24.0}, {"precision": "fp32"}], Exit.REGRESSION),
        ([{"seed": 2, "ms": 16.0}, {"precision": "fp32"}], Exit.FINE),
        ([{"seed": 2, "graph_sha256": "other"}, {"precision": "fp32"}], Exit.INCOMPARABLE),
        ([{"samples_ns": [[20_000_000] * 5]}, {"precision": "fp32"}], Exit.UNCLEAR),
        ([{"batch_size": 8}], Exit.NOTHING),
        ([{"seed": 2, "ms": 24.0}, {"precision": "fp32", "allocator": "x"}], Exit.REGRESSION),
        ([{"samples_ns": [[20_000_000] * 5]}, {"precision": "fp32", "allocator": "x"}], Exit.INCOMPARABLE),
        ([{"seed": 2}, {"precision": "fp32"}, {"batch_size": 8}], Exit.FINE),  # a new one is no fault
    ],
)
def test_exits(second: list[dict[str, object]], status: Exit, benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = save("a.json", [benchmark_of(), benchmark_of(precision="fp32")])
    b = save("b.json", [benchmark_of(**changes) for changes in second])
    assert compared(a, b).exit is status


def test_differences_are_named(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = save("a.json", [benchmark_of()])
    b = save(
        "b.json", [benchmark_of(graph_ops={"Conv2D": 34, "MaxPool": 5}, binding={"cpus": [1], "policy": "default"})]
    )
    (reason,) = (one.reason for one in compared(a, b).comparisons)
    assert reason == "they differ in graph_ops.Conv2D (35 -> 34), binding.cpus (-0)"
    ignoring = report([read_run(a), read_run(b)], ignore=["graph_ops", "binding.cpus"])
    assert ignoring.exit is Exit.FINE


def test_other_settings_of_the_machine_make_all_cases_incomparable(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    both = [benchmark_of(), benchmark_of(precision="fp32")]
    a, b = save("a.json", both), save("b.json", both, kernel="6.2", hostname="there")
    found = compared(a, b)
    assert [one.reason for one in found.comparisons] == ["they differ in kernel (6.1 -> 6.2)"] * 2
    assert found.exit is Exit.INCOMPARABLE
    assert report([read_run(a), read_run(b)], ignore=["kernel"]).exit is Exit.FINE


def test_a_difference_that_run_and_result_both_tell_is_told_once(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = save("a.json", [benchmark_of()])
    b = save("b.json", [benchmark_of(versions={"tensorflow": "2.20"})], tensorflow="2.20")
    (reason,) = (one.reason for one in compared(a, b).comparisons)
    assert reason == "they differ in tensorflow (tensorflow-cpu 2.21.0 -> 2.20)"


def test_unlike_machines_are_refused(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a, b = save("a.json", [benchmark_of()]), save("b.json", [benchmark_of()], isa_flags=["avx2"], cores=4)
    with pytest.raises(UnlikeMachinesError, match=r"isa_flags \(-avx512_vnni\), cores \(2 -> 4\).*--cross-machine"):
        compared(a, b)


def test_a_plain_file_is_compared_and_a_machine_that_is_not_told_is_noted(
    benchmark_of: BenchmarkMaker, save: Saver
) -> None:
    a, b = save("a.json", [benchmark_of()], plain=True), save("b.json", [benchmark_of(seed=2)])
    assert compared(a, b).exit is Exit.FINE
    b.write_text(
        b.read_text().replace('"identity"', '"nothing"').replace('"cpu"', '"no"').replace('"release"', '"nor"')
    )
    (note,) = compared(a, b).notes
    assert "b.json does not say what machine it is of" in note


def test_what_never_became_steady_is_marked(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a, b = save("a.json", [benchmark_of(steady=False)]), save("b.json", [benchmark_of(seed=2, steady=False)])
    (reason,) = (one.reason for one in compared(a, b).comparisons)
    assert reason.endswith("; the baseline and this run never became steady")


def test_accuracy_is_compared_by_its_ap(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = save("a.json", [benchmark_of("accuracy")])
    b = save("b.json", [benchmark_of("accuracy", accuracy={"AP": 0.38})])
    (row,) = compared(a, b).rows
    assert (row.figure, row.values) == ("AP", (0.4, 0.38))
    assert row.comparisons[1] is not None
    assert row.comparisons[1].verdict is Verdict.REGRESSION
    assert row.comparisons[1].ratio == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        (0.4, 0.396, Verdict.NO_CHANGE),
        (0.4, 0.394, Verdict.REGRESSION),
        (0.4, 0.406, Verdict.IMPROVEMENT),
        (0.0, 0.0, Verdict.NO_CHANGE),
        (0.0, 0.1, Verdict.IMPROVEMENT),
    ],
)
def test_ap_is_judged_by_its_loss(a: float, b: float, verdict: Verdict) -> None:
    assert compare_accuracy(a, b).verdict is verdict


def test_files_of_one_name_are_told_apart(benchmark_of: BenchmarkMaker, save: Saver, tmp_path: Path) -> None:
    a = save("a.json", [benchmark_of()])
    (tmp_path / "other").mkdir()
    b = Path(tmp_path / "other" / "a.json")
    b.write_text(a.read_text())
    assert compared(a, b).files == (str(a), str(b))


def test_one_file_is_nothing_to_compare(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    with pytest.raises(UserError, match="two files"):
        compared(save("a.json", [benchmark_of()]))


def test_a_negative_limit_is_refused(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = save("a.json", [benchmark_of()])
    with pytest.raises(UserError, match="limit"):
        compared(a, a, limit=-0.1)


def test_a_slowdown_that_the_yardstick_shared_is_the_machines(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a = save("a.json", [benchmark_of()])
    slower_machine = save("b.json", [benchmark_of(seed=2, ms=24.0, yardstick_share=0.8)])
    slower_still = save("c.json", [benchmark_of(seed=3, ms=30.0, yardstick_share=0.8)])
    # In c the yardstick's share fell by a tenth while all took half as long again: the case lost more than the machine.
    own_loss = save("d.json", [benchmark_of(seed=4, ms=30.0, yardstick_share=0.72)])
    found = compared(a, slower_machine, slower_still, own_loss)
    expected = [Verdict.TOO_NOISY, Verdict.TOO_NOISY, Verdict.REGRESSION]
    assert list(verdicts(found).values()) == [expected]
    reason = found.rows[0].comparisons[1]
    assert reason is not None
    assert reason.reason.endswith(
        "; the yardstick took longer as well (+19.9%), so the machine was slower: run it again, or with --against"
    )


def on_a_machine(yardstick_ns: int, ms: float, lead_in: int = 1, **changes: Any) -> TimedResult:
    """Forty steps of about `ms` with the yardstick between them."""
    samples_ns = [[int(ms * 1e6 * (1 + 0.001 * (number % 3 - 1))) for number in range(40)]]
    marks = Marks(list(range(0, 40, 4)), [yardstick_ns] * 10, lead_in)
    yardstick = Yardstick.of([yardstick_ns] * 10, [yardstick_ns] * 10, [marks])
    neighbours = [Neighbours([40], [0.0])]
    share = yardstick.share(samples_ns[0], 8)
    return timed(samples_ns=samples_ns, yardstick=yardstick, neighbours=neighbours, yardstick_share=share, **changes)


def test_the_yardstick_between_the_steps_tells_a_slower_machine_from_slower_code() -> None:
    before = on_a_machine(2_000_000, 20.0)
    slower_machine = compare_results(before, on_a_machine(2_040_000, 20.0 * 1.02))
    assert slower_machine.verdict is Verdict.NO_CHANGE
    assert slower_machine.ratio == pytest.approx(1.0, abs=0.002)
    both = compare_results(before, on_a_machine(2_040_000, 26.0))
    assert both.verdict is Verdict.REGRESSION
    assert both.ratio == pytest.approx(1.3 / 1.02, abs=0.002)


def test_yardsticks_that_ran_in_another_way_are_compared_only_around_the_case() -> None:
    before, other = on_a_machine(2_000_000, 20.0), on_a_machine(2_200_000, 22.0, lead_in=0)
    comparison = compare_results(before, other)
    assert comparison.verdict is Verdict.TOO_NOISY
    assert "the yardstick took longer as well" in comparison.reason


def test_a_slowdown_that_the_yardstick_shares_is_not_called_fine() -> None:
    comparison = compare_results(on_a_machine(2_000_000, 20.0), on_a_machine(2_080_000, 20.8))
    assert comparison.verdict is Verdict.TOO_NOISY


def test_the_yardstick_of_another_tensorflow_explains_nothing() -> None:
    before = on_a_machine(2_000_000, 20.0, versions={"tensorflow": "2.21.0"})
    after = on_a_machine(2_040_000, 20.8, versions={"tensorflow": "2.22.0"})
    comparison = compare_results(before, after, ignore=["tensorflow"])
    assert comparison.ratio == pytest.approx(1.04, abs=0.002)
    assert comparison.verdict is Verdict.REGRESSION


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(25.0, 25.0, Verdict.NO_CHANGE), (25.0, 22.0, Verdict.REGRESSION), (25.0, 29.0, Verdict.IMPROVEMENT)],
)
def test_rates_are_compared_by_their_peaks(before: float, after: float, verdict: Verdict) -> None:
    assert compare_results(server(before), server(after)).verdict is verdict


def test_rates_of_unlike_bounds_or_given_ones_are_incomparable() -> None:
    given = msgspec.structs.replace(server(), peak=None, searched=False)
    for other, said in ((server(bound_ms=50.0), "bound_ms"), (given, "--rate")):
        comparison = compare_results(server(), other)
        assert comparison.verdict is Verdict.INCOMPARABLE
        assert said in comparison.reason
