"""All the tables of one run, just ended or saved, in the order that the terminal shows them."""

from collections.abc import Mapping, Sequence

from ssd_core.output import peers_tables, profile_tables, tables
from ssd_core.output.table import Table
from ssd_core.results.schema import ProfileResult, Result

ENTRY = ("subject", "asked", "outcome", "reason")


def run_tables(results: Sequence[Result], ledger: Sequence[Mapping[str, str]], not_asked: Sequence[str]) -> list[Table]:
    """The tables of results and of the ledger's entries; some may be empty."""
    shown = (tables.timing, tables.tuning, tables.speedups, tables.against, tables.accuracy)
    profiles = [profile_tables.table(result) for result in results if isinstance(result, ProfileResult)]
    peers = [peers_tables.speed(results), peers_tables.accuracy(results)]
    entries = [[entry.get(name, "") for name in ENTRY] for entry in ledger]
    asked = Table(["case", "asked", "outcome", "figures"], entries, not_asked)
    return [*(table(results) for table in shown), *profiles, *peers, asked]
