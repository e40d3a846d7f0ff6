"""The ledger on one screen: a line where all is kept, else the entries that are not."""

from ssd_core.output.ledger_table import full_table, short_table
from ssd_core.verdicts.ledger import Entry, Outcome

CASES = ("latency fp32-batch1-intra2", "latency int8-batch1-intra2")


def entries(*outcomes: Outcome, asked: str = "measure") -> list[dict[str, str]]:
    return [
        Entry(case, asked, outcome, f"because of {outcome}").as_json()
        for case, outcome in zip(CASES, outcomes, strict=True)
    ]


def test_a_run_that_kept_all_is_one_line() -> None:
    kept = entries(Outcome.KEPT, Outcome.KEPT)
    limits = entries(Outcome.KEPT, Outcome.IMPROVED, asked="baseline main")
    assert short_table(kept, []).text() == ["2 cases, 2 measured. 2 asked: 2 kept.", ""]
    assert short_table([*kept, *limits], [], left_out=10).text() == [
        "12 cases, 10 left out, 2 measured. 4 asked: 3 kept, 1 improved.",
        "",
    ]
    assert short_table(kept[:1], []).text()[0] == "1 case, 1 measured. 1 asked: 1 kept."


def test_what_was_not_asked_is_a_line_below() -> None:
    assert short_table(entries(Outcome.KEPT, Outcome.KEPT), ["2 limits not asked"]).notes[-1] == "2 limits not asked"


def test_only_entries_that_are_not_kept_are_listed_and_each_reason_stands_once() -> None:
    measured = entries(Outcome.KEPT, Outcome.NOT_JUDGED)
    limits = entries(Outcome.BROKEN, Outcome.NOT_JUDGED, asked="max_median_ms")
    assert short_table([*measured, *limits], []).text() == [
        "not kept                    asked          outcome     why",
        "----------------------------------------------------------",
        "latency int8-batch1-intra2  measure        not judged  [1]",
        "latency fp32-batch1-intra2  max_median_ms  broken      [2]",
        "latency int8-batch1-intra2  max_median_ms  not judged  [1]",
        "[1] because of not judged",
        "[2] because of broken",
        "2 cases, 1 measured, 1 not measured. 4 asked: 1 kept, 1 broken, 2 not judged.",
        "",
    ]


def test_a_run_that_was_asked_nothing_shows_nothing() -> None:
    assert short_table([], ["2 limits not asked"]).text() == []


def test_the_whole_ledger_has_every_entry_with_its_reason() -> None:
    table = full_table([*entries(Outcome.KEPT, Outcome.BROKEN), {"subject": "run"}], ["2 limits not asked"])
    assert table.rows == [
        [CASES[0], "measure", "kept", "because of kept"],
        [CASES[1], "measure", "broken", "because of broken"],
        ["run", "", "", ""],  # a file of before may say less
    ]
    assert table.notes == ["2 limits not asked"]
