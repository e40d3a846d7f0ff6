"""Cross-machine: the figures that can be compared between unlike machines; times cannot.

They are the speed-up of a precision over fp32, the share of the machine's own yardstick, a latency's p90/p50, the rate
of a server case over its batch throughput, and AP.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ssd_core.precisions import REFERENCE
from ssd_core.results.case import Case
from ssd_core.results.conditions import unlike_results
from ssd_core.results.run import Run
from ssd_core.results.schema import SPEEDUP, YARDSTICK_SHARE, Result, ServerResult, TimedResult
from ssd_core.stats.bootstrap import Estimate, estimate, interval, of_interval, quantile_ratio
from ssd_core.stats.percentiles import samples_needed
from ssd_core.stats.steadiness import LEAST_SAMPLES
from ssd_core.verdicts.compare import (
    BASELINE,
    LIMIT,
    THIS_RUN,
    Comparison,
    Verdict,
    check_limit,
    decide,
    too_few,
)
from ssd_core.verdicts.report import (
    Report,
    Row,
    check_runs,
    compare_results,
    figure_of,
    listed,
    machine_of,
    mark_unsteady,
    names,
    value_of,
    without_ratio,
)

UPPER, LOWER = 0.90, 0.50  # the quantiles whose ratio is a latency's shape; a p90 needs 64 samples, a p99 662
OF_THE_MACHINE = ("allocator", "binding", "python", "tensorflow", "onednn", "bound_ms")  # may differ between machines
NOTE = (
    "Times of unlike machines are not compared. Only these figures are: the speed-up over fp32, the share of the"
    " machine's yardstick, the latency's p90/p50, the rate over batch throughput, and AP."
)

Terms = list[tuple[int, Estimate]]


@dataclass(frozen=True)
class Figure:
    """A figure as signed logarithms, whose sum is its logarithm, and the results that it comes from."""

    terms: Terms
    results: tuple[Result, ...]

    @property
    def value(self) -> float:
        """The figure itself."""
        return math.exp(sum(sign * term.log for sign, term in self.terms))


@dataclass(frozen=True)
class Kind:
    """A kind of figure: its name, whether more is better, and the function that gives it for a case, or None."""

    name: str
    more_is_better: bool
    of: Callable[[Mapping[Case, Result], Case], Figure | None]


def cross_machine_report(runs: Sequence[Run], limit: float = LIMIT, ignore: Iterable[str] = ()) -> Report:
    """Compare what unlike machines can share; UserError for fewer than two runs and a negative limit."""
    check_runs(runs)
    check_limit(limit)
    tables, notes = _without_threads(runs)
    ignored = (*OF_THE_MACHINE, *ignore)
    rows: list[Row] = []
    for case in dict.fromkeys(case for table in tables for case in table):
        for kind in KINDS:
            figures = [kind.of(table, case) for table in tables]
            if any(figures):
                pairs = [(figures[0], other) for other in figures[1:]]
                comparisons = [_compare(kind, a, b, limit, ignored) if a or b else None for a, b in pairs]
                values = tuple(figure.value if figure else None for figure in figures)
                rows.append(Row(str(case), kind.name.format(case=case), values, (None, *comparisons)))
        if case.kind == "accuracy":
            first, *others = [table.get(case) for table in tables]
            against = [compare_results(first, other, ignore=ignored) if first or other else None for other in others]
            rows.append(Row(str(case), figure_of(case), tuple(map(value_of, (first, *others))), (None, *against)))
    return Report(names(runs), tuple(map(machine_of, runs)), tuple(rows), (NOTE, *notes))


def speedup(results: Mapping[Case, Result], case: Case) -> Figure | None:
    """The speed-up over the fp32 case of the same parameters; None for fp32 itself or without that case.

    fp32's median time per image divided by the case's, or the figure measured in turn if there is one.
    """
    own = results.get(case)
    reference = results.get(dataclasses.replace(case, precision=REFERENCE))
    if case.precision == REFERENCE or not (isinstance(own, TimedResult) and isinstance(reference, TimedResult)):
        return None
    if in_turn := own.in_turn.get(SPEEDUP):
        return Figure([(1, of_interval(in_turn.value, in_turn.low, in_turn.high))], (own, reference))
    of_reference, of_own = (estimate(one.comparable_samples.arrays) for one in (reference, own))
    terms = [(1, of_reference), (-1, of_own)]
    return Figure(terms, (own, reference))


def yardstick_share(results: Mapping[Case, Result], case: Case) -> Figure | None:
    """The share of the machine's yardstick, with the confidence of the case's median.

    If the two were measured in turn, that figure is used.
    """
    own = results.get(case)
    if not isinstance(own, TimedResult) or own.yardstick_share is None:
        return None
    if in_turn := own.in_turn.get(YARDSTICK_SHARE):
        return Figure([(1, of_interval(in_turn.value, in_turn.low, in_turn.high))], (own,))
    # A share is the inverse of a duration: its deviations are the duration's with the opposite sign.
    inverse = dataclasses.replace(estimate(own.comparable_samples.arrays), log=-math.log(own.yardstick_share))
    return Figure([(-1, inverse)], (own,))


def latency_shape(results: Mapping[Case, Result], case: Case) -> Figure | None:
    """p90/p50 of a latency case, if each of its processes has enough samples for a p90."""
    own = results.get(case)
    if not isinstance(own, TimedResult) or case.kind != "latency":
        return None
    if min(map(len, own.samples.processes)) < samples_needed(100 * UPPER):
        return None
    return Figure([(1, estimate(own.samples.arrays, quantile_ratio(UPPER, LOWER)))], (own,))


def rate_share(results: Mapping[Case, Result], case: Case) -> Figure | None:
    """A server case's peak over the rate of full batches, for a bound of three times its own latency."""
    own = results.get(case)
    if not isinstance(own, ServerResult) or (share := own.share_of_capacity) is None:
        return None
    return Figure([(1, of_interval(share.value, share.low, share.high))], (own,))


KINDS = (
    Kind("{case.precision}/fp32 speed-up", True, speedup),
    Kind("share of yardstick", True, yardstick_share),
    Kind("p90/p50", False, latency_shape),
    Kind("rate over batch throughput", True, rate_share),
)


def _compare(kind: Kind, a: Figure | None, b: Figure | None, limit: float, ignore: Iterable[str]) -> Comparison:
    if a is None or b is None:
        verdict = Verdict.NEW if a is None else Verdict.MISSING
        return without_ratio(verdict, f"only {THIS_RUN if a is None else BASELINE} has it, or the samples for it")
    # Another machine may have its own graph with the same operations but other weights, which do not change times.
    ignored = (*ignore, "graph_sha256")
    unlike = [d for one, other in zip(a.results, b.results, strict=True) for d in unlike_results(one, other, ignored)]
    if unlike:
        return without_ratio(Verdict.INCOMPARABLE, f"they differ in {listed(unlike)}")
    ratio, low, high = interval([*b.terms, *((-sign, term) for sign, term in a.terms)])
    counts = [result.samples.count for result in (*a.results, *b.results) if isinstance(result, TimedResult)]
    if (fewest := min(counts, default=LEAST_SAMPLES)) < LEAST_SAMPLES:
        return too_few(ratio, fewest)
    return mark_unsteady(decide(ratio, low, high, limit, more_is_better=kind.more_is_better), a.results, b.results)


def _without_threads(runs: Sequence[Run]) -> tuple[list[Mapping[Case, Result]], list[str]]:
    """Each run's results without thread counts (they depend on the cores), unless a run then has a case twice."""
    tables = [{_bare(case): result for case, result in run.compared.items()} for run in runs]
    if any(len(table) < len(run.compared) for table, run in zip(tables, runs, strict=True)):
        return [run.compared for run in runs], ["Cases are matched by their thread counts, as one file has several."]
    return list(tables), ["Cases are matched without regard to their thread counts."]


def _bare(case: Case) -> Case:
    return dataclasses.replace(case, num_inter_threads=0, num_intra_threads=0)
