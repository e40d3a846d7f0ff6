"""The tables of a run: which stand where."""

from ssd_core.output.run_tables import run_tables, screen_tables
from ssd_core.profiling.layers import Roofline, Row
from ssd_core.results.case import Case
from ssd_core.results.schema import PeersAccuracyResult, ProfileResult
from ssd_core.verdicts.ledger import Entry, Outcome
from tests.typed_results import accuracy, timed

STEP = [Row("between operations", "overhead", "", 0, 2.0, 0.2), Row("whole step", "total", "", 15, 10.0, 1.0)]
KEPT = Entry("latency int8", "measure", Outcome.KEPT, "measured").as_json()


def profile(precision: str) -> ProfileResult:
    identity = Case("profile", precision, 8, 1, 2).fields
    roofline = Roofline({}, 2e10, (1.9e10, 2.1e10))
    return ProfileResult(**identity, layers=STEP, steps=3, untraced_step_ms=9.5, roofline=roofline, unmatched_layers=[])


def test_the_tables_of_a_run_stand_in_one_order_whatever_the_order_of_its_results() -> None:
    peers = PeersAccuracyResult(
        **Case("peers_accuracy", "int8", 1, 1, 2).fields, peers_accuracy={"tensorflow": {"AP": 0.4}}
    )
    results = [peers, accuracy(), profile("int8"), profile("fp32"), timed(), timed("fp32")]
    shown = [table.header[0] for table in run_tables(results, [KEPT], []) if table.rows]
    assert shown == [
        "case",  # timing
        "times as fast as fp32",
        "case",  # accuracy
        "profile int8-batch8-intra2",
        "profile fp32-batch8-intra2",
        "compared with other runtimes",
        "case",  # the ledger
    ]


def test_the_screen_has_the_results_first_and_the_ledger_last() -> None:
    results = [profile("int8"), accuracy(), timed("fp32"), timed()]
    result, *alone, ledger = [table for table in screen_tables(results, [KEPT], []) if table.text()]
    assert [row[0].split()[0] for row in result.rows] == ["throughput", "throughput", "accuracy"]
    assert [table.header[0] for table in alone] == ["profile int8-batch8-intra2"]
    assert ledger.text()[0] == "1 case, 1 measured. 1 asked: 1 kept."


def test_a_run_of_nothing_shows_nothing() -> None:
    for tables in (run_tables, screen_tables):
        assert [line for table in tables([], [], ["2 limits not asked"]) for line in table.text()] == []
