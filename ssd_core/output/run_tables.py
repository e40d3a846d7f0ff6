"""The tables of one run, just ended or saved: those of the terminal's last screen, and all of them."""

from collections.abc import Mapping, Sequence

from ssd_core.output import ledger_table, peers_tables, profile_tables, server_tables, tables
from ssd_core.output.result_table import result_table
from ssd_core.output.table import Table
from ssd_core.results.schema import ProfileResult, Result


def screen_tables(
    results: Sequence[Result], ledger: Sequence[Mapping[str, str]], not_asked: Sequence[str], left_out: int = 0
) -> list[Table]:
    """The results first, and last the ledger: its counts, and its entries that are not kept. Some may be empty.

    `left_out` is the number of cases that were collected and not selected.
    """
    return [result_table(results), *_of_runs_alone(results), ledger_table.short_table(ledger, not_asked, left_out)]


def run_tables(results: Sequence[Result], ledger: Sequence[Mapping[str, str]], not_asked: Sequence[str]) -> list[Table]:
    """All figures of the results, and all of the ledger's entries; some may be empty."""
    shown = (tables.timing, tables.tuning, tables.speedups, tables.accuracy)
    entries = ledger_table.full_table(ledger, not_asked)
    return [*(table(results).filled for table in shown), *_of_runs_alone(results), entries]


def _of_runs_alone(results: Sequence[Result]) -> list[Table]:
    """The tables of --shard and of the kinds that run alone."""
    profiles = [profile_tables.table(result) for result in results if isinstance(result, ProfileResult)]
    peers = [peers_tables.speed(results), peers_tables.accuracy(results)]
    server = [table(results) for table in (server_tables.rates, server_tables.points, server_tables.loadgen)]
    return [table.filled for table in (tables.against(results), tables.parts(results), *server, *profiles, *peers)]
