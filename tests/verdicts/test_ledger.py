import pytest

from ssd_core.verdicts.ledger import MEASURE, RUN, Ledger, Outcome


def ledger_of(*asked: tuple[str, str]) -> Ledger:
    ledger = Ledger()
    for subject, question in asked:
        ledger.ask(subject, question)
    return ledger


def test_what_was_asked_and_never_ended_is_not_judged() -> None:
    ledger = ledger_of(("latency int8", MEASURE), ("latency int8", "min_speedup"))
    ledger.end("latency int8", MEASURE, Outcome.KEPT, "measured")
    assert [(entry.asked, entry.outcome) for entry in ledger.entries] == [
        (MEASURE, Outcome.KEPT),
        ("min_speedup", Outcome.NOT_JUDGED),
    ]
    assert ledger.entries[1].reason == "the run ended before it"
    ledger.stop("the run was ended by SIGTERM before it")
    assert ledger.entries[1].reason == "the run was ended by SIGTERM before it"
    assert not ledger.passes


def test_nothing_is_judged_that_was_not_asked() -> None:
    with pytest.raises(KeyError, match="min_speedup was not asked of latency int8"):
        ledger_of(("latency int8", MEASURE)).end("latency int8", "min_speedup", Outcome.KEPT, "")


@pytest.mark.parametrize("outcome", Outcome)
def test_only_kept_and_improved_pass(outcome: Outcome) -> None:
    ledger = ledger_of(("a", MEASURE), ("a", "baseline main"))
    ledger.end("a", MEASURE, Outcome.KEPT, "measured")
    ledger.end("a", "baseline main", outcome, "figures")
    assert ledger.passes == (outcome in (Outcome.KEPT, Outcome.IMPROVED))
    assert bool(ledger.failing) != ledger.passes


def test_a_run_that_measured_nothing_does_not_pass() -> None:
    assert not Ledger().passes
    ledger = ledger_of((RUN, "save results"))
    ledger.end(RUN, "save results", Outcome.KEPT, "results.json")
    assert not ledger.passes, "no case was asked to measure"
    assert ledger.failing == ()


def test_a_case_that_runs_again_is_judged_again() -> None:
    ledger = ledger_of(("a", MEASURE), ("b", MEASURE))
    for subject in ("a", "b"):
        ledger.end(subject, MEASURE, Outcome.NOT_JUDGED, "the worker died")
    ledger.reopen("a")
    assert ledger.open_of("a") == [MEASURE]
    assert ledger.open_of("b") == []
    ledger.end("a", MEASURE, Outcome.KEPT, "measured")
    assert (ledger.measured, ledger.cases, ledger.partial) == (1, 2, "1 of 2 cases measured")


def test_a_whole_run_is_not_partial() -> None:
    ledger = ledger_of(("a", MEASURE), ("a", "min_speedup"))
    ledger.end("a", MEASURE, Outcome.KEPT, "measured")
    assert ledger.partial is None, "a limit that is broken leaves the results whole"


def test_the_open_entries_of_one_case_end_together() -> None:
    ledger = ledger_of(("a", MEASURE), ("a", "min_speedup"), ("b", MEASURE))
    ledger.end("a", MEASURE, Outcome.NOT_JUDGED, "the worker died")
    ledger.end_open("a", "the case failed")
    assert [str(entry) for entry in ledger.of("a")] == [
        "measure not judged: the worker died",
        "min_speedup not judged: the case failed",
    ]
    assert ledger.open_of("b") == [MEASURE]


def test_entries_of_a_case_stand_together_and_lines_once() -> None:
    ledger = ledger_of(("a", MEASURE), ("b", MEASURE), ("a", "min_speedup"), ("a", MEASURE))
    assert [(entry.subject, entry.asked) for entry in ledger.entries] == [
        ("a", MEASURE),
        ("a", "min_speedup"),
        ("b", MEASURE),
    ]
    for _ in range(2):
        ledger.leave_out("1 limit not asked")
    assert ledger.not_asked == ("1 limit not asked",)


def test_an_entry_is_plain_json() -> None:
    ledger = ledger_of(("a", MEASURE))
    entry = ledger.end("a", MEASURE, Outcome.KEPT, "measured")
    assert entry.as_json() == {"subject": "a", "asked": MEASURE, "outcome": "kept", "reason": "measured"}
    assert all(type(value) is str for value in entry.as_json().values())


def test_a_quick_run_is_partial_and_only_noise_does_not_fail_it() -> None:
    for outcome in Outcome:
        ledger = Ledger(quick=True)
        for asked in (MEASURE, "min_speedup"):
            ledger.ask("a", asked)
        ledger.end("a", MEASURE, Outcome.KEPT, "measured")
        entry = ledger.end("a", "min_speedup", outcome, "figures")
        assert ledger.fails(entry) is not (outcome.passes or outcome is Outcome.TOO_NOISY)
        assert ledger.passes is not ledger.fails(entry)
        assert ledger.partial == "few samples of each case, with --quick"
    ledger.ask("b", MEASURE)
    assert ledger.partial == "few samples of each case, with --quick; 1 of 2 cases measured"
