"""All the tables of one run, in the order that the terminal shows them: of a run that just ended, or of a saved one."""

from collections.abc import Mapping, Sequence
from typing import Any

from ssd_core.output import peers_tables, profile_tables, tables
from ssd_core.output.table import Table
from ssd_core.output.tables import Result
from ssd_core.results.case import case_of_info
from ssd_core.results.schema import PASSED_OVER, InvalidResultsError, result_of

ENTRY = ("subject", "asked", "outcome", "reason")


def run_tables(results: Sequence[Result], ledger: Sequence[Mapping[str, str]], not_asked: Sequence[str]) -> list[Table]:
    """The tables of results, each a case and its `extra_info`, and of the ledger's entries; empty ones among them."""
    shown = (tables.timing, tables.tuning, tables.speedups, tables.against, tables.accuracy)
    profiles = [profile_tables.table(case, info) for case, info in results if "layers" in info]
    peers = [peers_tables.speed(results), peers_tables.accuracy(results)]
    entries = [[entry[name] for name in ENTRY] for entry in ledger]
    asked = Table(["case", "asked", "outcome", "figures"], entries, not_asked)
    return [*(table(results) for table in shown), *profiles, *peers, asked]


def saved_tables(document: Mapping[str, Any], name: str) -> list[Table]:
    """The tables of a results file's content; `name` begins the errors.

    InvalidResultsError where a result is damaged, or was saved by a version that kept less of it.
    """
    results = []
    for benchmark in document["benchmarks"]:
        info = benchmark.get("extra_info") or {}
        where = f"{name}: {benchmark.get('fullname', 'a benchmark')}"
        kind = info["kind"] if info.get("kind") in PASSED_OVER else result_of(where, benchmark).case.kind
        results.append((case_of_info(kind, info), info))
    try:
        return run_tables(results, document.get("ledger", []), document.get("not_asked", []))
    except KeyError as error:
        raise InvalidResultsError(
            f"{name} was saved by another version or is damaged (it lacks {error}): measure again."
        ) from error
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise InvalidResultsError(f"{name} was saved by another version or is damaged ({error}).") from error
