"""Report: files of results compared with the first, the baseline; one row per case and figure, one cell per file."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.results.conditions import Difference, differences, unlike_hardware, unlike_results, unlike_settings
from ssd_core.results.run import Run
from ssd_core.results.schema import AccuracyResult, Result, ServerResult, TimedResult
from ssd_core.stats.bootstrap import interval, of_interval
from ssd_core.stats.control import comparable_levels
from ssd_core.stats.figures import median_ms
from ssd_core.verdicts.compare import (
    BASELINE,
    LIMIT,
    THIS_RUN,
    Comparison,
    Verdict,
    compare,
    compare_controlled,
    decide,
    describe,
)

LARGEST_AP_LOSS = 0.005  # half a point of AP against the baseline, unless a threshold says otherwise


class Exit(IntEnum):
    """The exit status of a comparison, the first that applies in the order of `Report.exit`."""

    FINE = 0
    REGRESSION = 1
    USAGE = 2
    INCOMPARABLE = 3
    UNCLEAR = 4  # too noisy to tell, or an invalid file
    NOTHING = 5


class UnlikeMachinesError(UserError):
    """The files are from machines whose times cannot be compared."""


@dataclass(frozen=True)
class Row:
    """One figure of one case in every file, and every file's comparison with the first (None for the first)."""

    case: str
    figure: str
    values: tuple[float | None, ...]
    comparisons: tuple[Comparison | None, ...]


@dataclass(frozen=True)
class Report:
    """All rows, the files' names and machines, and notes for the reader."""

    files: tuple[str, ...]
    machines: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every comparison of every row."""
        return tuple(one for row in self.rows for one in row.comparisons if one is not None)

    @property
    def exit(self) -> Exit:
        """The first that applies: nothing compared, a regression, incomparable, too noisy to tell, fine.

        A missing case counts as incomparable. If every case is missing or new, nothing was compared.
        """
        verdicts = {comparison.verdict for comparison in self.comparisons}
        if verdicts <= {Verdict.MISSING, Verdict.NEW}:
            return Exit.NOTHING
        if Verdict.REGRESSION in verdicts:
            return Exit.REGRESSION
        if verdicts & {Verdict.INCOMPARABLE, Verdict.MISSING}:
            return Exit.INCOMPARABLE
        return Exit.UNCLEAR if Verdict.TOO_NOISY in verdicts else Exit.FINE


def report(runs: Sequence[Run], limit: float = LIMIT, ignore: Iterable[str] = ()) -> Report:
    """Compare runs on machines with the same hardware; `ignore` names conditions that may differ.

    UserError for fewer than two runs, UnlikeMachinesError if a machine's hardware differs from the first's.
    """
    first, *others = check_runs(runs)
    for other in others:
        if unlike := unlike_hardware(first, other):
            raise UnlikeMachinesError(
                f"{first.path} and {other.path} are of unlike machines: {listed(unlike)}; compare what carries over"
                " with --cross-machine."
            )
    settings = [unlike_settings(first, other, ignore) for other in others]
    rows = []
    tables = [run.compared for run in runs]
    for case in dict.fromkeys(case for table in tables for case in table):
        results = [table.get(case) for table in tables]
        comparisons = [
            compare_results(results[0], result, limit, unlike=unlike, ignore=ignore) if results[0] or result else None
            for result, unlike in zip(results[1:], settings, strict=True)
        ]
        rows.append(Row(str(case), figure_of(case), tuple(map(value_of, results)), (None, *comparisons)))
    notes = [f"{run.path} does not say what machine it is of." for run in runs if not run.identity]
    notes += [f"{run.path} is of a partial run: {run.partial}." for run in runs if run.partial]
    return Report(names(runs), tuple(map(machine_of, runs)), tuple(rows), tuple(notes))


def compare_results(
    a: Result | None,
    b: Result | None,
    limit: float = LIMIT,
    *,
    largest_ap_loss: float = LARGEST_AP_LOSS,
    unlike: Sequence[Difference] = (),
    ignore: Iterable[str] = (),
    look: int = 1,
) -> Comparison:
    """The verdict on one case: A is the baseline's result, B the new one. One of them may be None.

    `unlike`: conditions that differ between the runs; if there are any, the results are incomparable. `look`: how often
    B was looked at, if it is measured on until it is clear.
    """
    if a is None or b is None:
        verdict = Verdict.NEW if a is None else Verdict.MISSING
        return without_ratio(verdict, f"only {THIS_RUN if a is None else BASELINE} has it")
    if all_unlike := (*unlike, *unlike_results(a, b, ignore)):
        return without_ratio(Verdict.INCOMPARABLE, f"they differ in {listed(all_unlike)}")
    for side in (a, b):
        if side.unusable is not None:
            return without_ratio(Verdict.INCOMPARABLE, side.unusable)
    if isinstance(a, AccuracyResult) and isinstance(b, AccuracyResult):
        return compare_accuracy(a.ap, b.ap, largest_ap_loss)
    if isinstance(a, ServerResult) and isinstance(b, ServerResult):
        return compare_rates(a, b, limit)
    if not (isinstance(a, TimedResult) and isinstance(b, TimedResult)):
        return without_ratio(Verdict.INCOMPARABLE, "one was timed, the other was not")
    first, second = a.observed, b.observed
    if a.versions != b.versions:  # the yardstick of another TensorFlow says nothing of the machine
        first, second = (
            [dataclasses.replace(one, places=(), yardstick_ns=()) for one in side] for side in (first, second)
        )
    if first and second:
        comparison = compare_controlled(first, second, limit, look)
        followed = comparable_levels([*first, *second])
    else:
        comparison = compare(a.comparable_samples, b.comparable_samples, limit, look=look)
        followed = False
    if not followed:
        comparison = _without_machine(comparison, yardstick_change(a, b), limit)
    return mark_unsteady(_mark_chosen(comparison, a, b), (a,), (b,))


def _mark_chosen(comparison: Comparison, a: TimedResult, b: TimedResult) -> Comparison:
    """The comparison, with a note on counts that two tuned results chose differently; they stay comparable."""
    if not (unlike := differences(a.chosen, b.chosen)):
        return comparison
    return dataclasses.replace(comparison, reason=f"{comparison.reason}; tuned to other settings: {listed(unlike)}")


def yardstick_change(a: TimedResult, b: TimedResult) -> float | None:
    """How much longer the yardstick took with B than with A: above 1 on a slower machine. None if it did not run.

    A share is the yardstick's time divided by the case's, times a factor that both results share.
    """
    if a.yardstick_share is None or b.yardstick_share is None:
        return None
    durations_ns = (b.comparable_samples.centre_ns, a.comparable_samples.centre_ns)
    return (b.yardstick_share * durations_ns[0]) / (a.yardstick_share * durations_ns[1])


def _without_machine(comparison: Comparison, change: float | None, limit: float) -> Comparison:
    """No regression if the yardstick slowed down as much: then the machine was slower."""
    if comparison.verdict is not Verdict.REGRESSION or comparison.low is None or change is None or change <= 1 + limit:
        return comparison
    if comparison.low / change > 1 + limit:
        return comparison
    reason = (
        f"{comparison.reason}; the yardstick took longer as well ({describe(change)}), so the machine was slower:"
        " run it again, or with --against"
    )
    return dataclasses.replace(comparison, verdict=Verdict.TOO_NOISY, reason=reason)


def compare_accuracy(a: float, b: float, largest_loss: float = LARGEST_AP_LOSS) -> Comparison:
    """The verdict on two APs over the same images. There are no samples, so only the limit (in AP) decides."""
    loss = a - b
    reason = f"AP {b:.4f}, before {a:.4f}; a loss of {largest_loss:g} passes"
    verdict = Verdict.NO_CHANGE
    if abs(loss) > largest_loss:
        verdict = Verdict.REGRESSION if loss > 0 else Verdict.IMPROVEMENT
    return Comparison(b / a if a else None, None, None, None, verdict, reason)


def compare_rates(a: ServerResult, b: ServerResult, limit: float = LIMIT) -> Comparison:
    """The verdict on two rates that keep one bound: the ratio of their peaks, A's over B's, above 1 if B takes less."""
    if a.peak is None or b.peak is None:
        return without_ratio(Verdict.INCOMPARABLE, "the rate was given with --rate, so there is no peak to compare")
    terms = [(sign, of_interval(one.value, one.low, one.high)) for sign, one in ((1, a.peak), (-1, b.peak))]
    return decide(*interval(terms), limit)


def without_ratio(verdict: Verdict, reason: str) -> Comparison:
    """A comparison without a ratio."""
    return Comparison(None, None, None, None, verdict, reason)


def check_runs(runs: Sequence[Run]) -> Sequence[Run]:
    """`runs` themselves; UserError for fewer than two."""
    if len(runs) < 2:
        raise UserError("There is nothing to compare with: name two files of results or more.")
    return runs


def names(runs: Sequence[Run]) -> tuple[str, ...]:
    """The files' names in a table, or their whole paths if names repeat."""
    short = [run.path.name for run in runs]
    return tuple(short if len(set(short)) == len(short) else map(str, (run.path for run in runs)))


def machine_of(run: Run) -> str:
    """The machine in a few words."""
    cores = run.identity.get("cores")
    return f"{run.identity.get('cpu_model', 'unknown')}{f', {cores} cores' if cores else ''}"


def listed(unlike: Iterable[Difference]) -> str:
    """Differences in one line, each once."""
    return ", ".join(dict.fromkeys(map(str, unlike)))


def figure_of(case: Case) -> str:
    """The name of a case's value."""
    if case.kind == "accuracy":
        return "AP"
    if case.kind == "server":
        return "requests/s"
    return "median ms an image" if case.tuned else "median ms"


def value_of(result: Result | None) -> float | None:
    """A case's value, in the unit of `figure_of`."""
    if isinstance(result, AccuracyResult):
        return result.ap
    if isinstance(result, ServerResult):
        return result.rate
    return median_ms(result.comparable_samples) if isinstance(result, TimedResult) else None


def _unsteady(result: Result) -> bool:
    return isinstance(result, TimedResult) and result.steady is False


def mark_unsteady(comparison: Comparison, first: Iterable[Result], second: Iterable[Result]) -> Comparison:
    """The comparison, with a note in its reason for each run with a result that never became steady."""
    sides = ((BASELINE, first), (THIS_RUN, second))
    unsteady = [side for side, results in sides if any(_unsteady(result) for result in results)]
    if not unsteady:
        return comparison
    reason = f"{comparison.reason}; {' and '.join(unsteady)} never became steady"
    return dataclasses.replace(comparison, reason=reason)
