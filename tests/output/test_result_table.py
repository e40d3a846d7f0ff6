"""The result table: one row a case, in 100 columns."""

from typing import Any

import numpy as np
import pytest

from ssd_core.output.result_table import result_table
from ssd_core.output.run_tables import screen_tables
from ssd_core.results.parts import Interval, Replacement, Supply
from ssd_core.results.schema import Result
from ssd_core.scenarios.registry import ALONE, KINDS
from ssd_core.verdicts.ledger import Entry, Outcome
from tests.simulated import lognormal
from tests.typed_results import accuracy, timed

WIDTH = 100
MS = 1_000_000
LONG_REASON = "share of yardstick is 0.46 [0.41 to 0.52], at least 0.5 is asked; not clear after 60 s more" * 2


def series(ms: float, seed: int = 1, count: int = 700) -> list[list[int]]:
    return [lognormal(np.random.default_rng(seed), count, centre_ns=ms * MS).astype(np.int64).tolist()]


def default_run() -> list[Result]:
    """A result of every case of a default run on a slow machine with many cores."""
    many: dict[str, Any] = {"num_intra_threads": 112}
    return [
        *(accuracy(precision, ap=0.5, images=5000) for precision in ("fp32", "int8")),
        *(timed("data", "input_pipeline", batch_size=size, samples_ns=series(2.0), **many) for size in (1, 8)),
        *(
            timed(precision, "latency", batch_size=1, samples_ns=series(56.7), steady=False, **many)
            for precision in ("fp32", "int8")
        ),
        *(
            timed(precision, batch_size=size, samples_ns=series(2878.9), steady=False, **many)
            for precision in ("fp32", "int8")
            for size in (1, 8)
        ),
        *(timed(precision, tuned=True, streams=28, samples_ns=series(99.9)) for precision in ("fp32", "int8")),
    ]


def test_every_table_of_a_default_run_has_at_most_100_columns() -> None:
    assert {result.kind for result in default_run()} == {*KINDS} - {*ALONE}
    entries = [
        Entry(f"{result.kind} {result.case.id}", asked, outcome, LONG_REASON).as_json()
        for result in default_run()
        for asked, outcome in (("measure", Outcome.KEPT), ("min_yardstick_share", Outcome.TOO_NOISY))
    ]
    shown = screen_tables(default_run(), entries, [], left_out=3)
    for table in shown:
        lines = table.text()
        assert all(len(line) <= WIDTH for line in lines[: len(lines) - 1 - len(table.notes)]), lines
    assert [len(table.rows) for table in shown if table.rows] == [12, 12]


def test_a_row_has_the_speed_with_its_interval_and_the_speedup() -> None:
    in_turn = {"speedup": Interval(3.6, 3.52, 3.7)}
    fp32 = timed("fp32", "latency", batch_size=1, samples_ns=series(40.0))
    int8 = timed("int8", "latency", batch_size=1, samples_ns=series(10.0, 2), in_turn=in_turn)
    table = result_table([int8, fp32, accuracy("int8", ap=0.4)])
    assert table.header == ["case", "images/s", "median ms", "p99 ms", "x fp32", "AP"]
    first, second, last = table.rows
    assert first[0] == "latency int8-batch1-intra2"
    assert first[4] == "3.60 ± 2.8%", "the longer side: 3.70 is 2.8 % above 3.60"
    assert second[4] == ""
    assert last == ["accuracy int8", "", "", "", "", "0.400"]
    for row in (first, second):
        for cell in row[1:3]:
            number, sign, reach = cell.split()
            assert (sign, reach[-1]) == ("±", "%")
            assert float(number) > 0
            assert 0 < float(reach[:-1]) < 2
    assert table.notes[0].startswith("±: ")


def test_too_few_samples_have_no_interval() -> None:
    table = result_table([timed(samples_ns=[[10 * MS] * 5])])
    assert table.rows == [["throughput int8-batch8-intra2", "800.00", "10.00"]]
    assert table.notes == []


def test_kinds_stand_in_one_order_whatever_the_order_of_measuring() -> None:
    assert [row[0].split()[0] for row in result_table(default_run()).rows] == (
        ["throughput"] * 6 + ["latency"] * 2 + ["accuracy"] * 2 + ["input_pipeline"] * 2
    )


def test_what_a_reader_has_to_know_stands_below() -> None:
    bound = Supply.of(20.0, 8 / 0.3, 8 / 0.41)
    tuned = timed(tuned=True, batch_size=4, streams=2, num_intra_threads=1, steady=False, supply=bound)
    changed = accuracy(postprocess=Replacement(0.5, 0.5175, 0.1), rounding="whole pixels, as upstream did")
    notes = result_table([tuned, changed]).notes
    assert notes[0] == "* not steady, so the interval may be too short"
    assert notes[1] == "throughput int8-tuned: batch 4, 2 streams, 1 thread each"
    assert notes[2].startswith("throughput int8-tuned: input-bound, 73% of ")
    assert notes[3] == "AP: 5 images of demo (all images); detections rounded to whole pixels, as upstream did"
    assert notes[4].startswith("int8: OTHER DETECTIONS")


@pytest.mark.parametrize("streams", [1, 2])
def test_the_counts_of_a_tuned_case_are_told(streams: int) -> None:
    tuned = timed(tuned=True, batch_size=4, streams=streams)
    threads = "2 threads" if streams == 1 else "2 threads each"
    (note,) = result_table([tuned]).notes
    assert note == f"throughput int8-tuned: batch 4, {streams} stream{'s' if streams > 1 else ''}, {threads}"


def test_an_interval_as_long_as_its_figure_is_only_told_to_be_so() -> None:
    wider = timed(in_turn={"speedup": Interval(2.0, 0.5, 6.0)})
    assert result_table([wider, timed("fp32")]).rows[0][3] == "2.00 ± >99%"


def test_a_case_that_was_not_steady_is_marked() -> None:
    steady, unsteady = result_table([timed(), timed("fp32", steady=False)]).rows
    assert (steady[0], unsteady[0]) == ("throughput int8-batch8-intra2", "throughput fp32-batch8-intra2 *")
