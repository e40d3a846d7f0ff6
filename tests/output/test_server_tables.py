"""The tables of server cases."""

import msgspec

from ssd_core.output import server_tables
from tests.typed_results import accuracy, loadgen, server


def test_a_rate_stands_with_its_bound_and_its_peak() -> None:
    table = server_tables.rates([server(), accuracy()])
    assert table.header == ["case", "requests/s", "bound", "peak"]
    assert table.rows == [["server int8-batch1-intra2", "22.50", "p99 <= 100 ms", "25.00 [24.75 to 25.25]"]]


def test_a_given_rate_has_no_peak() -> None:
    given = msgspec.structs.replace(server(), peak=None, searched=False)
    assert server_tables.rates([given]).header == ["case", "requests/s", "bound"]


def test_each_schedule_has_a_row_and_lateness_is_told() -> None:
    table = server_tables.points([server()])
    assert table.rows[0] == [
        *("server int8-batch1-intra2", "12.00", "700", "yes", "40.00", "48.00", "10.00", "0.00", "32.00", "1.00"),
        "0.100",
    ]
    assert table.notes == []
    late = msgspec.structs.replace(server().points[0], late_ms=0.3, keeps=False)
    table = server_tables.points([server(points=[late])])
    assert table.rows[0][3] == "NO"
    assert table.notes[0].startswith("LATE: free streams took requests more than 0.2 ms late")


def test_loadgen_s_figures_stand_beside_ours() -> None:
    table = server_tables.loadgen([loadgen(1.1), accuracy()])
    assert table.header[2:6] == ["figure", "ours", "LoadGen's", "LoadGen's / ours"]
    figures = ["p90 ms", "40.00 [39.20 to 40.80]", "44.00 [43.12 to 44.88]", "1.100 [1.078 to 1.122]"]
    assert table.rows[0] == ["loadgen int8-batch1-intra2", "SingleStream", *figures, "NO", "VALID"]
    (row, *_) = loadgen().rows
    invalid = loadgen(rows=[msgspec.structs.replace(row, invalid=["early stopping"])])
    assert server_tables.loadgen([invalid]).rows[0][-2:] == ["yes", "INVALID: early stopping"]


def test_without_server_cases_there_is_nothing() -> None:
    assert not server_tables.rates([accuracy()]).rows
    assert not server_tables.points([accuracy()]).rows
    assert not server_tables.loadgen([accuracy()]).rows
