"""Run: a file of results (pytest-benchmark's JSON) of any schema version, read into typed results.

This project's data is in each benchmark's `extra_info` and in `machine_info["identity"]`. Results are found by their
case, so a renamed test keeps its baseline.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ssd_core.errors import UserError
from ssd_core.machine.identity import Jitter
from ssd_core.results.case import Case
from ssd_core.results.schema import SCHEMA_VERSION, AccuracyResult, Result, TimedResult, as_info, of_info, timing_of
from ssd_core.results.upgrade import upgraded

LedgerRow = Mapping[str, str]
_SHORT = 12  # digits of a revision


class InvalidResultsError(UserError):
    """A file that holds no results, or impossible ones."""


class EmptyRunError(InvalidResultsError):
    """A file of a run in which nothing was measured."""


@dataclass(frozen=True)
class Run:
    """One file: the machine it was measured on, its results in the order of the file, and its ledger."""

    path: Path
    identity: Mapping[str, object]
    results: tuple[Result, ...]
    ledger: tuple[LedgerRow, ...] = ()
    not_asked: tuple[str, ...] = ()
    partial: str | None = None
    """What is missing if the run ended early; None for a complete run."""
    ended: str = ""
    """When it ended, as pytest-benchmark writes it."""
    commit: str = ""
    """The revision that was checked out; it ends in `, changed` if files differed from it."""
    jitter: Jitter | None = None
    """The machine's state when it was saved; None in files of other tools."""

    @property
    def compared(self) -> dict[Case, Result]:
        """The results that can be compared with another run's, by their case's key."""
        return {result.case.key: result for result in self.results if result.compared}


def read_run(path: Path) -> Run:
    """Read a file of results.

    UserError if there is no such file. InvalidResultsError if it is not JSON, truncated, another tool's, of a newer
    schema, or holds impossible durations or one case twice with different settings. EmptyRunError if it is empty.
    """
    document = _document(path)
    if not document.benchmarks:
        raise EmptyRunError(f"{path} holds an empty run, in which nothing was measured: measure again.")
    results = [result_of(f"{path}: {one.get('fullname', 'a benchmark')}", one) for one in document.benchmarks]
    return Run(
        path=path,
        identity=_identity(document.machine_info),
        results=tuple(_joined(path, results)),
        ledger=tuple(document.ledger),
        not_asked=tuple(document.not_asked),
        partial=document.partial,
        ended=document.datetime,
        commit=_commit(document.commit_info),
        jitter=_jitter(document.machine_info),
    )


def read_compared(path: Path) -> Run:
    """Read a file of results to compare, as `read_run`; EmptyRunError, too, if it holds nothing to compare."""
    run = read_run(path)
    if not run.compared:
        raise EmptyRunError(f"{path} holds only what is not compared: measure without --profile and --peers.")
    return run


def document(identity: Mapping[str, object], results: Sequence[Result], not_asked: Sequence[str] = ()) -> str:
    """The text of a file of results that no test measured; `read_run` reads it."""
    benchmarks = [{"name": str(one.case), "fullname": str(one.case), "extra_info": as_info(one)} for one in results]
    now = datetime.now(UTC).isoformat()
    content = {"machine_info": {"identity": identity}, "benchmarks": benchmarks, "ledger": [], "datetime": now}
    return json.dumps(content | {"not_asked": not_asked}, indent=4)


def result_of(where: str, benchmark: Mapping[str, Any]) -> Result:
    """The result in one benchmark of a file; `where` begins the sentence of an InvalidResultsError."""
    info = benchmark.get("extra_info") or {}
    version = info.get("schema_version", 0)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise InvalidResultsError(
            f"{where} has schema {version}, newer than {SCHEMA_VERSION}, the newest known here: update this program."
        )
    if "precision" not in info:
        raise InvalidResultsError(
            f"{where} has no precision, so `pytest bench` did not write it: name a file that it saved."
        )
    try:
        return of_info(info if version == SCHEMA_VERSION else upgraded(benchmark))
    except msgspec.ValidationError as error:
        raise InvalidResultsError(f"{where}: {_sentence(error)}") from error
    except UserError as error:
        raise InvalidResultsError(f"{where}: {error}") from error


def _sentence(error: msgspec.ValidationError) -> str:
    """As in `samples_ns[0][1]: expected int >= 1: the file is damaged, measure again.`"""
    problem, _, place = str(error).partition(" - at `$")
    field = place.rstrip("`").lstrip(".")
    said = (problem[:1].lower() + problem[1:]).replace("`", "")
    return f"{f'{field}: ' if field else ''}{said}: the file is damaged, measure again."


def _joined(path: Path, results: Iterable[Result]) -> Iterable[Result]:
    """The results, one per case: a repeat (pytest-repeat) of a case counts as one more process."""
    joined: dict[object, Result] = {}
    for number, result in enumerate(results):
        key = result.case.key if result.compared else number
        joined[key] = _repeated(path, joined[key], result) if key in joined else result
    return joined.values()


def _repeated(path: Path, one: Result, other: Result) -> Result:
    """Two results of a case as one; the figures measured in turn are the later one's."""
    alike = one.conditions == other.conditions and one.case == other.case
    if alike and isinstance(one, AccuracyResult) and isinstance(other, AccuracyResult) and one.ap == other.ap:
        return other
    if not alike or not (isinstance(one, TimedResult) and isinstance(other, TimedResult)):
        raise InvalidResultsError(
            f"{path} holds the case {one.case} twice, with other settings or another AP: measure it once in a run."
        )
    timing = timing_of([*one.samples_ns, *other.samples_ns], other.case.images_a_step)
    return msgspec.structs.replace(
        other,
        **timing,
        steady=one.steady and other.steady,
        neighbours=[*one.neighbours, *other.neighbours],
        yardstick=one.yardstick.joined(other.yardstick) if one.yardstick and other.yardstick else None,
    )


def _document(path: Path) -> "_Document":
    """The content of a file that pytest-benchmark wrote."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): name a file of results.") from error
    except UnicodeDecodeError as error:
        raise InvalidResultsError(f"{path} is not JSON: name a file that `pytest bench` saved.") from error
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise InvalidResultsError(f"{path} is nested too deeply: name a file that `pytest bench` saved.") from error
    except json.JSONDecodeError as error:
        cut = error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip()) - 1
        if text.lstrip().startswith("{") and cut:
            raise InvalidResultsError(f"{path} is truncated (it ends within a JSON value): measure again.") from error
        raise InvalidResultsError(f"{path} is not JSON ({error}): name a file that `pytest bench` saved.") from error
    try:
        document = msgspec.convert(content, _Document)
    except msgspec.ValidationError as error:
        raise InvalidResultsError(
            f"{path} is not pytest-benchmark's: name a file that `pytest bench` saved."
        ) from error
    return document


class _Document(msgspec.Struct):
    """The fields read from a file; every pytest-benchmark file has the first two."""

    benchmarks: list[dict[str, Any]]
    machine_info: dict[str, Any]
    ledger: list[LedgerRow] = []
    not_asked: list[str] = []
    partial: str | None = None
    datetime: str = ""
    commit_info: dict[str, Any] = {}


def _commit(info: Mapping[str, Any]) -> str:
    revision = str(info.get("id") or "")[:_SHORT]
    return f"{revision}, changed" if revision and info.get("dirty") else revision


def _jitter(machine_info: Mapping[str, Any]) -> Jitter | None:
    try:
        return msgspec.convert(machine_info.get("jitter"), Jitter)
    except msgspec.ValidationError:
        return None


def _identity(machine_info: Mapping[str, Any]) -> Mapping[str, object]:
    identity = machine_info.get("identity")
    if isinstance(identity, dict):
        return identity
    cpu = machine_info.get("cpu")  # a plain pytest-benchmark file has only this
    cpu = cpu if isinstance(cpu, dict) else {}
    known = {"cpu_model": cpu.get("brand_raw"), "cores": cpu.get("count"), "kernel": machine_info.get("release")}
    return {name: value for name, value in known.items() if value is not None}
