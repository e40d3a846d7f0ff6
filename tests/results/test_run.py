import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.results.parts import Interval
from ssd_core.results.run import EmptyRunError, InvalidResultsError, read_compared, read_run, result_of
from ssd_core.results.schema import AccuracyResult, TimedResult
from tests.saved_runs import BenchmarkMaker, Saver


def test_a_file_is_read_by_its_cases_parameters(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    accuracy = benchmark_of("accuracy", without=["steady"])
    run = read_run(save("a.json", [benchmark_of(), accuracy]))
    timed, scored = run.results
    assert list(run.compared) == [
        Case("throughput", "int8", 1, num_inter_threads=1, num_intra_threads=2),
        Case("accuracy", "int8", streams=0),  # whose AP no batch and no thread changes
    ]
    assert isinstance(timed, TimedResult)
    assert timed.samples.count == timed.steps == 200
    assert (timed.yardstick_share, timed.steady) == (0.8, True)
    assert timed.conditions["allocator"] == "malloc"
    assert timed.conditions["tensorflow"] == "tensorflow-cpu 2.21.0"
    assert isinstance(scored, AccuracyResult)
    assert scored.accuracy == {"AP": 0.4, "AP50": 0.7}
    assert run.identity["cpu_model"] == "Example 9000"


def test_profiles_are_not_compared(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    roofline = {"multiply_adds_per_s": {}, "bytes_per_s": 1.0, "bytes_per_s_interval": [1.0, 1.0]}
    taken = {"layers": [], "steps": 3, "untraced_step_ms": 1.0, "roofline": roofline, "unmatched_layers": []}
    profile = benchmark_of("profile", without=["samples_ns", "yardstick_share", "steady"], **taken)
    run = read_compared(save("both.json", [profile, benchmark_of()]))
    assert [case.kind for case in run.compared] == ["throughput"]
    assert len(run.results) == 2
    with pytest.raises(EmptyRunError, match=r"profile\.json holds only what is not compared"):
        read_compared(save("profile.json", [profile]))


def timed(benchmark: dict[str, Any]) -> TimedResult:
    (result,) = timed_of([result_of("here", benchmark)])
    return result


def timed_of(results: Sequence[object]) -> list[TimedResult]:
    return [result for result in results if isinstance(result, TimedResult)]


def test_a_renamed_test_is_the_same_case(benchmark_of: BenchmarkMaker) -> None:
    renamed = benchmark_of() | {"name": "test_speed[x]", "fullname": "elsewhere.py::test_speed[x]"}
    assert result_of("renamed", renamed).case == result_of("original", benchmark_of()).case


def test_files_of_older_versions_load(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    """Before there were kind, schema, samples a process, a yardstick, and an identity."""
    unknown = ("schema_version", "kind", "samples_ns", "yardstick_share", "steady", "binding", "versions")
    run = read_run(save("old.json", [benchmark_of("latency", without=unknown)], plain=True))
    (result,) = timed_of(run.results)
    now = read_run(save("new.json", [benchmark_of("latency")]))
    assert list(run.compared) == list(now.compared)
    assert result.samples == timed_of(now.results)[0].samples
    assert (result.yardstick_share, result.steady) == (None, None)
    assert run.identity == {"cpu_model": "Example 9000", "cores": 2, "kernel": "6.1"}


def test_a_tuned_case_is_the_same_whatever_it_chose_and_is_timed_by_the_image(benchmark_of: BenchmarkMaker) -> None:
    few = timed(benchmark_of(tuned=True, batch_size=1, streams=2, samples_ns=[[20, 40], [60]]))
    many = timed(benchmark_of(tuned=True, batch_size=4, streams=1, samples_ns=[[40, 80], [120]]))
    assert few.case.key == many.case.key == Case("throughput", "int8", streams=0, tuned=True)
    assert few.comparable_samples == many.comparable_samples
    assert few.comparable_samples.processes == ((10, 20), (30,))
    assert few.chosen == {"batch_size": 1, "num_inter_threads": 1, "num_intra_threads": 2, "streams": 2}
    assert timed(benchmark_of()).chosen == {}
    stored = timed(benchmark_of(tuned=True, batch_size=2, without=["samples_ns"])).comparable_samples
    whole = timed(benchmark_of(without=["samples_ns"])).samples
    assert stored.centre_ns == pytest.approx(whole.centre_ns / 2, abs=1)  # both in whole nanoseconds


def test_several_processes_are_kept_apart(benchmark_of: BenchmarkMaker) -> None:
    assert timed(benchmark_of(samples_ns=[[1, 2], [3]])).samples.processes == ((1, 2), (3,))


def test_where_equal_data_lies_does_not_matter(benchmark_of: BenchmarkMaker) -> None:
    one, other = (
        result_of("here", benchmark_of(data={"kind": "records", "origin": origin, "digest": "d"}))
        for origin in ("/a", "/b")
    )
    assert one.conditions == other.conditions
    assert result_of("here", benchmark_of()).conditions["data"] == {"kind": "dummy", "origin": "uniform"}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.json cannot be read \(No such file"):
        read_run(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b"hello", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"{'a': 1}", "is not JSON"),
        (b"[1, 2]", "is not pytest-benchmark's"),
        (b'{"results": []}', "is not pytest-benchmark's"),
        (b'{"benchmarks": {}, "machine_info": {}}', "is not pytest-benchmark's"),
        (b'{"benchmarks": [1], "machine_info": {}}', "is not pytest-benchmark's"),
        (b'{"context": {}, "benchmarks": [{"name": "BM_x", "real_time": 3}]}', "is not pytest-benchmark's"),
    ],
)
def test_no_file_of_results(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InvalidResultsError, match=words):
        read_run(path)


def test_truncated_anywhere(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    path = save("a.json", [benchmark_of()])
    whole = path.read_text()
    for length in (len(whole) - 1, len(whole) // 2, len(whole) // 3, 200, 30):
        path.write_text(whole[:length])
        with pytest.raises(InvalidResultsError, match="is truncated"):
            read_run(path)


def test_an_empty_run(save: Saver) -> None:
    with pytest.raises(EmptyRunError, match="empty run"):
        read_run(save("a.json", []))


WHOLE = {"streams": 1, "tuned": False, "images_per_second": 1.0, "latency_ms": {}, "steps": 2}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 3}, "schema 3, newer than 2"),
        ({"schema_version": "1"}, "schema 1, newer"),
        ({"without": ["precision"]}, "has no precision"),
        ({"precision": 8}, "precision: expected str, got int: the file is damaged, measure again"),
        ({"kind": "speed"}, "kind: invalid value 'speed'"),
        ({"batch_size": "1"}, "batch_size: expected int, got str"),
        ({"num_intra_threads": True}, "num_intra_threads: expected int, got bool"),
        ({"streams": -1}, "streams: expected int >= 0"),
        ({"samples_ns": [1, 2]}, r"samples_ns\[0\]: expected array, got int"),
        ({"samples_ns": []}, "no samples"),
        ({"samples_ns": [[]]}, "no samples"),
        ({"samples_ns": [[5, float("nan")]]}, "Sample 1 lasts nan ns"),
        ({"samples_ns": [[5, 0]]}, "Sample 1 lasts 0 ns"),
        ({"samples_ns": [[-5]]}, "Sample 0 lasts -5 ns"),
        ({"samples_ns": [["5"]]}, "Sample 0 is '5'"),
        ({"schema_version": 2, **WHOLE, "samples_ns": [[5, 0]]}, r"samples_ns\[0\]\[1\]: expected int >= 1"),
        ({"schema_version": 2, **WHOLE, "samples_ns": [[]]}, r"samples_ns\[0\]: expected array of length >= 1"),
        ({"yardstick_share": -0.1}, "yardstick_share: expected float > 0"),
        ({"yardstick_share": float("nan")}, "yardstick_share"),
        ({"yardstick_share": float("inf")}, "yardstick_share is inf, which is impossible"),
        ({"yardstick_share": "much"}, "yardstick_share: expected float | null, got str"),
        ({"kind": "accuracy", "without": ["accuracy"]}, "missing required field accuracy"),
        ({"kind": "accuracy", "accuracy": {"AP50": 0.4}}, "accuracy has no AP"),
        ({"kind": "accuracy", "accuracy": {"AP": "0.4"}}, r"accuracy.*expected float, got str"),
        ({"kind": "accuracy", "accuracy": {"AP": 1.5}}, "AP of 1.5"),
        ({"kind": "accuracy", "accuracy": {"AP": float("nan")}}, "AP of nan"),
    ],
)
def test_impossible_results_name_the_file_and_the_test(
    changes: dict[str, object], words: str, benchmark_of: BenchmarkMaker, save: Saver
) -> None:
    path = save("a.json", [benchmark_of(**changes)])
    with pytest.raises(InvalidResultsError, match=words) as error:
        read_run(path)
    assert str(path) in str(error.value)
    assert f"bench/test_{changes.get('kind', 'throughput')}.py" in str(error.value)


def test_a_file_saved_without_its_durations_says_how_to_save(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    benchmark = benchmark_of(without=["samples_ns"])
    del benchmark["stats"]["data"]
    with pytest.raises(InvalidResultsError, match="--benchmark-save-data"):
        read_run(save("a.json", [benchmark]))


def test_a_case_that_was_measured_twice_has_one_more_process(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    repeated = [benchmark_of(seed=seed, steady=seed != 2) for seed in (1, 2, 3)]
    (result,) = timed_of(read_run(save("a.json", repeated)).results)
    assert [list(process) for process in result.samples.processes] == [
        benchmark["extra_info"]["samples_ns"][0] for benchmark in repeated
    ]
    assert result.steady is False
    assert result.steps == 600
    (accuracy,) = read_run(save("b.json", [benchmark_of("accuracy")] * 2)).results
    assert isinstance(accuracy, AccuracyResult)
    assert accuracy.accuracy == benchmark_of("accuracy")["extra_info"]["accuracy"]


@pytest.mark.parametrize(
    ("kind", "other"), [("latency", {"allocator": "jemalloc"}), ("accuracy", {"accuracy": {"AP": 0.1}})]
)
def test_one_case_twice_under_unlike_settings(
    benchmark_of: BenchmarkMaker, save: Saver, kind: str, other: dict[str, Any]
) -> None:
    with pytest.raises(InvalidResultsError, match=f"{kind} int8.* twice, with other settings"):
        read_run(save("a.json", [benchmark_of(kind), benchmark_of(kind, **other)]))


def test_figures_that_were_measured_in_turn(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    figure = {"value": 3.6, "low": 3.5, "high": 3.7}
    (result,) = timed_of(read_run(save("a.json", [benchmark_of(in_turn={"speedup": figure})])).results)
    assert result.in_turn == {"speedup": Interval(3.6, 3.5, 3.7)}


@pytest.mark.parametrize(
    "damage", [{"value": -1, "low": -2, "high": 0}, {"value": 1}, 3.6, {"value": 1, "low": 2, "high": 3}]
)
def test_a_damaged_figure_in_turn(benchmark_of: BenchmarkMaker, save: Saver, damage: object) -> None:
    with pytest.raises(InvalidResultsError, match=r"in_turn\[\.\.\.\]|in_turn"):
        read_run(save("a.json", [benchmark_of(in_turn={"speedup": damage})]))


def test_another_projects_benchmarks(save: Saver, benchmark_of: BenchmarkMaker) -> None:
    benchmark = benchmark_of() | {"extra_info": {}}
    with pytest.raises(InvalidResultsError, match="`pytest bench` did not write it"):
        read_run(save("a.json", [benchmark]))


def test_a_file_that_pytest_benchmark_wrote_just_now(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_latency(benchmark):
            benchmark.extra_info.update(precision="int8", batch_size=1, num_inter_threads=1, num_intra_threads=2)
            benchmark.pedantic(lambda: sum(range(10_000)), rounds=7)
        """
    )
    pytester.runpytest_subprocess("--benchmark-json=out.json").assert_outcomes(passed=1)
    run = read_run(pytester.path / "out.json")
    (result,) = timed_of(run.results)
    assert result.case == Case("latency", "int8", 1, 1, 2)
    assert result.samples.count == 7
    stored = json.loads((pytester.path / "out.json").read_text())["benchmarks"][0]["stats"]["data"]
    assert result.samples.processes == (tuple(round(second * 1e9) for second in stored),)
