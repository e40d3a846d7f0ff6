"""The points of a file: the same from the figures that it holds and from its samples."""

from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.results import summary
from ssd_core.results.point import Figure
from ssd_core.results.result import CONDITIONS
from ssd_core.results.summary import Reader
from tests.saved_history import START, commit, latency, write_run
from tests.saved_runs import BenchmarkMaker, Saver
from tests.typed_results import accuracy, server, timed


def test_figures_and_samples_give_the_same_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned = timed("int8", samples_ns=[[8_000_000] * 30], tuned=True, batch_size=4)
    results = [latency(20.0), tuned, timed("fp32", samples_ns=[[10**7] * 9]), accuracy(), server()]
    path = write_run(tmp_path / "run.json", 3, results)
    fast = Reader().read(path)
    slow = summary._slowly(path)
    assert [origin for origin, _ in fast] == [origin for origin, _ in slow]
    for (_, a), (_, b) in zip(fast, slow, strict=True):
        assert (a.commit, a.time, a.file) == (b.commit, b.time, b.file) == (commit(3), a.run_time, "run.json")
        assert a.value.figure is b.value.figure
        assert [a.value.value, a.value.low, a.value.high] == pytest.approx([b.value.value, b.value.low, b.value.high])
        assert a.yardstick_ms == b.yardstick_ms
    assert fast[0][1].time == START.timestamp() + 3 * 86400
    assert [point.value.figure for _, point in fast] == [Figure.MEDIAN] * 3 + [Figure.AP, Figure.RATE]
    assert fast[1][1].value.value == pytest.approx(2.0), "a tuned case is of an image"
    assert fast[0][1].value.low < 20 < fast[0][1].value.high
    assert fast[3][1].value.low == fast[3][1].value.high == 0.4
    monkeypatch.setattr(summary, "_slowly", lambda path: pytest.fail("its figures are enough"))
    assert len(Reader().read(path)) == 5


def test_a_file_says_all_that_its_origin_depends_on() -> None:
    assert {*CONDITIONS, "versions"} <= set(summary._Info.__struct_fields__)


def test_older_files_are_read_from_their_samples(benchmark_of: BenchmarkMaker, save: Saver) -> None:
    both = [benchmark_of("latency", "int8", ms=20.0), benchmark_of("accuracy", "int8")]
    points = [point for _, point in Reader().read(save("old.json", both))]
    assert [point.value.value for point in points] == [pytest.approx(20.0, rel=0.01), 0.4]
    assert points[0].commit == ""


def test_a_case_that_was_repeated_is_one_point(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run.json", 1, [latency(20.0, 1), latency(22.0, 2)])
    ((_, point),) = Reader().read(path)
    assert point.value.value == pytest.approx((20 * 22) ** 0.5, rel=0.01)


def test_a_profile_and_an_a_b_case_are_no_points_and_neither_is_a_quick_run(tmp_path: Path) -> None:
    quick = write_run(tmp_path / "quick.json", 1, [latency(20.0, quick=True), accuracy("fp32", -1)])
    assert Reader().read(quick) == []
    assert Reader().read(write_run(tmp_path / "given.json", 1, [server(searched=False)])) == []


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda text: text[:-40], "run.json is truncated"),
        (lambda text: "nothing", "run.json is not JSON"),
        (lambda text: "[]", "run.json is not pytest-benchmark's"),
        (lambda text: text.replace('"partial":null', '"partial":"1 of 2 cases"'), "of a partial run"),
        (lambda text: text.replace('"precision":"int8"', '"precision":8'), "precision"),
        (lambda text: text.replace('"schema_version":2', '"schema_version":99'), "newer than"),
    ],
)
def test_what_is_damaged_is_a_sentence(tmp_path: Path, damage: object, sentence: str) -> None:
    path = write_run(tmp_path / "run.json", 1, [latency(20.0)])
    path.write_text(damage(path.read_text()))  # type: ignore[operator]
    with pytest.raises(UserError, match=sentence):
        Reader().read(path)
