"""What a run is asked: to measure the selected cases, to keep their limits, and to be no worse than a baseline."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.machine import identity
from ssd_core.precisions import REFERENCE
from ssd_core.results.case import AGAINST, Case
from ssd_core.results.run import Run, read_compared
from ssd_core.verdicts.ledger import MEASURE, Ledger, Outcome
from ssd_core.verdicts.limits import CaseLimits, Thresholds, isa_tier

HELD = ("throughput", "latency", "accuracy", "server")  # the kinds that are compared with a baseline
_NEEDS_REFERENCE = {"min_speedup": "speed-up", "max_ap_loss": "AP loss"}
_LISTED = 3  # cases named in a line

LeftOut = Callable[[Case], bool]
"""Whether a case is left out on purpose: it could be selected, or an option excludes it."""


def limits_of(case: Case, thresholds: Thresholds) -> CaseLimits:
    """The limits of a case on this machine."""
    return thresholds.match(case.parameters | {"machine": identity.of_this_machine()["cpu_model"]})


def bounds_of(case: Case, thresholds: Thresholds) -> dict[str, float]:
    """The limits of a case that need no baseline, by name; fp32 is not compared with itself."""
    asked = limits_of(case, thresholds).asked(isa_tier(identity.of_this_machine()["isa_flags"]))
    return {name: bound for name, bound in asked.items() if case.precision != REFERENCE or name not in _NEEDS_REFERENCE}


def baseline_label(baseline: Run) -> str:
    """The ledger's name for the check that a case is no worse than its baseline."""
    return f"baseline {baseline.path.stem}"


def against_label(changes: Sequence[str]) -> str:
    """The ledger's name for the check that a case is no slower than its variant."""
    return f"against {' '.join(changes)}"


def ordered(cases: Sequence[Case | None], thresholds: Thresholds) -> list[int]:
    """The places of the cases in the order to run them: a reference runs before the cases that need it."""
    at = {case.key: place for place, case in enumerate(cases) if case is not None and case.kind in HELD}
    order: dict[int, None] = {}
    for place, case in enumerate(cases):
        if case is not None and case.kind in HELD and _needing(case, thresholds):
            reference = at.get(replace(case, precision=REFERENCE).key)
            order.update({} if reference is None else {reference: None})
        order[place] = None
    return list(order)


def _needing(case: Case, thresholds: Thresholds) -> list[str]:
    """The limits of a case that need a result of fp32."""
    return [limit for limit in bounds_of(case, thresholds) if limit in _NEEDS_REFERENCE]


class Asker:
    """Enters what is asked of the selected cases, and notes in one line each what their selection leaves out."""

    def __init__(
        self,
        thresholds: Thresholds,
        baseline: Run | None,
        against: Sequence[str],
        possible: Sequence[Case],
        left_out: LeftOut,
    ) -> None:
        self._thresholds = thresholds
        self._baseline = baseline
        self._against = against_label(against)
        self._possible = possible
        self._left_out = left_out

    def ask(self, ledger: Ledger, selected: Mapping[str, Case | None]) -> None:
        """Enter everything; `selected` has the cases by subject. UserError if a baseline covers none of them."""
        for subject, case in selected.items():
            ledger.ask(subject, MEASURE)
            if case is not None and case.kind in AGAINST:
                ledger.ask(subject, self._against)
        cases = {subject: case for subject, case in selected.items() if case is not None}
        self._ask_limits(ledger, cases)
        if self._baseline is not None:
            self._ask_baseline(ledger, cases, self._baseline)

    def _ask_limits(self, ledger: Ledger, selected: Mapping[str, Case]) -> None:
        keys = {case.key for case in selected.values()}
        lacking: Counter[str] = Counter()
        for subject, case in selected.items():
            for limit in bounds_of(case, self._thresholds):
                if limit in _NEEDS_REFERENCE and replace(case, precision=REFERENCE).key not in keys:
                    lacking[limit] += 1
                else:
                    ledger.ask(subject, limit)
        for limit, count in lacking.items():
            ledger.leave_out(
                f"{_count(count, 'limit')} not asked: {_NEEDS_REFERENCE[limit]} needs {REFERENCE}, which this"
                " selection leaves out"
            )
        for line in self._thresholds.renamed:
            ledger.leave_out(line)
        for rule in self._thresholds.unmatched(self._parameters()):
            ledger.leave_out(f"thresholds: {rule} matched no case of this run")

    def _parameters(self) -> Iterator[dict[str, object]]:
        return (case.parameters | {"machine": identity.of_this_machine()["cpu_model"]} for case in self._possible)

    def _ask_baseline(self, ledger: Ledger, selected: Mapping[str, Case], baseline: Run) -> None:
        label = baseline_label(baseline)
        before = [key for key in baseline.compared if key.kind in HELD]
        held = {subject: case for subject, case in selected.items() if case.kind in HELD}
        known = {subject: case for subject, case in held.items() if case.key in before}
        if not known:
            raise UserError(
                f"{baseline.path} covers none of this run's cases{nearest_difference(before, held.values())}:"
                " save a baseline of these, or select others."
            )
        for subject in known:
            ledger.ask(subject, label)
        if new := [subject for subject in held if subject not in known]:
            ledger.leave_out(f"{label}: {_listing(new)} not asked: the baseline has no such case")
        now = {case.key for case in held.values()}
        gone = [case for case in before if case not in now]
        left_out = [case for case in gone if self._left_out(case)]
        if left_out:
            ledger.leave_out(f"{label}: {_count(len(left_out), 'case')} not asked: this selection leaves them out")
        for case in gone:
            if case not in left_out:
                ledger.ask(str(case), label)
                near = nearest_difference([case], held.values())
                reason = f"{baseline.path.name} has this case, and this run does not have it{near}"
                ledger.end(str(case), label, Outcome.MISSING, reason)


def left_out_of(baseline: Path, selected: Sequence[Case], left_out: LeftOut) -> list[str]:
    """The cases of a saved baseline that this selection leaves out; none if no valid one is saved."""
    try:
        before = [case for case in read_compared(baseline).compared if case.kind in HELD]
    except UserError:
        return []
    now = {case.key for case in selected}
    return [str(case) for case in before if case not in now and left_out(case)]


def nearest_difference(before: Iterable[Case], now: Iterable[Case]) -> str:
    """As in ` (num_intra_threads went from 2 to 1)`, for the two most similar cases of one kind and precision."""
    pairs = [
        (_differing(a, b), a, b) for a, b in product(before, now) if (a.kind, a.precision) == (b.kind, b.precision)
    ]
    pairs = [pair for pair in pairs if pair[0]]
    if not pairs:
        return ""
    names, a, b = min(pairs, key=lambda pair: len(pair[0]))
    return f" ({', '.join(f'{name} went from {a.parameters[name]} to {b.parameters[name]}' for name in names)})"


def _differing(a: Case, b: Case) -> list[str]:
    return [name for name in a.parameters if a.parameters[name] != b.parameters[name]]


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
