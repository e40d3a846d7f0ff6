"""The scenarios: one row each. To add one, add its file, its type of result, its row and its file in bench/."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.scenarios import (
    accuracy,
    accuracy_part,
    against,
    input_pipeline,
    loadgen,
    peers,
    profile,
    server,
    server_against,
    timed,
)
from ssd_core.scenarios.protocol import Context, Scenario
from ssd_core.scenarios.settings import Settings
from ssd_core.verdicts.asked import LeftOut


@dataclass(frozen=True)
class Row:
    """A kind of case: the cases of a run, and the scenario that measures each."""

    kind: str
    cases: Callable[[Settings], Iterable[Case]]
    scenario: Callable[[Case, Context], Scenario]
    options: tuple[str, ...] = ()
    """The options that ask for it together; it then runs alone."""
    by_name: bool = False
    """Whether its name in -k asks for it, too."""


_ROWS = (
    Row("throughput", timed.throughput_cases, timed.Timed),
    Row("latency", timed.latency_cases, timed.Timed),
    Row("accuracy", accuracy.cases, accuracy_part.accuracy_scenario),
    Row("input_pipeline", input_pipeline.cases, input_pipeline.InputPipeline),
    Row("server", server.cases, server.Server, ("--server",), by_name=True),
    Row("loadgen", loadgen.cases, loadgen.Loadgen, ("--loadgen",)),
    Row("against", against.cases, against.Against, ("--against",)),
    Row("server_against", server_against.cases, server_against.ServerAgainst, ("--server", "--against")),
    Row("profile", profile.cases, profile.Profile, ("--profile",)),
    Row("peers", peers.cases, peers.Peers, ("--peers",)),
    Row("peers_accuracy", peers.accuracy_cases, peers.PeersAccuracy, ("--peers",)),
)
KINDS = {row.kind: row for row in _ROWS}
ALONE = tuple(row.kind for row in _ROWS if row.options)


def cases_of(kind: str, settings: Settings) -> Iterable[Case]:
    """All cases of one kind, grouped by precision, so that successive cases share a worker's graph."""
    if kind not in KINDS:
        raise UserError(f"{kind} is not a kind of case: use one of {', '.join(KINDS)}.")
    return KINDS[kind].cases(settings)


def possible_cases(settings: Settings) -> list[Case]:
    """Every case that could be selected with these settings, without the kinds that run alone."""
    return [case for kind in KINDS if kind not in ALONE for case in cases_of(kind, settings)]


def left_out(settings: Settings) -> LeftOut:
    """A function that says whether a case is left out on purpose: it could be selected, or an option excludes it."""
    possible = possible_cases(settings)

    def is_left_out(gone: Case) -> bool:
        alike = [case for case in possible if case.kind == gone.kind]
        return any(case.key == gone for case in alike) or settings.excludes(gone, alike)

    return is_left_out


def scenario_of(case: Case, context: Context) -> Scenario:
    """The scenario that measures a case."""
    return KINDS[case.kind].scenario(case, context)
