"""How good is the gate? Our rule and other tools' on the same recorded series (`pipx run tox -e rules`).

`corpus/README.md` says what was recorded. A pair is two separate runs beside the same neighbour. In the second, every
step is as it was recorded, or longer by a known share.
"""

import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytest_benchmark.utils import parse_compare_fail

from ssd_core.output.table import Table
from ssd_core.stats.observed import Observed
from ssd_core.stats.samples import Samples
from ssd_core.verdicts.compare import Verdict, compare, compare_controlled

_FOLDER = Path(__file__).parent / "corpus"
CHOSEN_ON, HELD_OUT = _FOLDER / "int8_latency.npz", _FOLDER / "int8_latency_held_out.npz"
SHARES = (0.0, 0.03, 0.05, 0.1, 0.2)  # how much slower the second run is


class Said(StrEnum):
    """What a rule says of a pair."""

    SLOWER = "slower"
    FINE = "fine"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Recorded:
    """One run, and what disturbed it."""

    condition: str
    series: Observed

    @property
    def durations_ns(self) -> NDArray[np.int64]:
        """All steps."""
        return self.series.durations_ns.astype(np.int64)

    @property
    def plain(self) -> Samples:
        """All steps without what the machine did meanwhile."""
        return Samples.of(self.series.durations_ns)

    @property
    def seconds(self) -> float:
        """The time of its steps."""
        return float(self.series.durations_ns.sum()) * 1e-9

    @property
    def yardstick_seconds(self) -> float:
        """The time of the yardstick between them."""
        return sum(self.series.yardstick_ns) * 1e-9


def corpus(path: Path = CHOSEN_ON) -> list[Recorded]:
    """All runs of a file, in their order."""
    with np.load(path) as file:
        parts = {name: file[name] for name in file.files}
    places = {name: np.cumsum([0, *parts[name]]) for name in ("steps", "chunks", "marks")}
    runs = []
    for number in range(len(parts["condition"])):
        steps, chunks, marks = (slice(ends[number], ends[number + 1]) for ends in places.values())
        ends, shares = (parts[name][chunks].tolist() for name in ("ends", "shares"))
        yardstick = (parts[name][marks].tolist() for name in ("mark_places", "mark_ns"))
        series = Observed(parts["durations_ns"][steps].astype(np.int64), ends, shares, *yardstick)
        runs.append(Recorded(str(parts["condition"][number]), series))
    return runs


def pairs(runs: list[Recorded], slower: float) -> Iterator[tuple[Recorded, Recorded]]:
    """Each pair of two runs beside the same neighbour; every step of the second takes longer by this share."""
    for a, b in permutations(runs, 2):
        if a.condition == b.condition:
            yield a, replace(b, series=replace(b.series, durations_ns=b.series.durations_ns * (1 + slower)))


Rule = Callable[[Recorded, Recorded], Said]
_OURS = {Verdict.REGRESSION: Said.SLOWER, Verdict.TOO_NOISY: Said.UNDECIDED}


def ours(a: Recorded, b: Recorded) -> Said:
    """`--baseline` with its limit of 3 %."""
    return _OURS.get(compare_controlled([a.series], [b.series]).verdict, Said.FINE)


def ours_without_control(a: Recorded, b: Recorded) -> Said:
    """The same without what other programs and the yardstick explain."""
    return _OURS.get(compare(a.plain, b.plain).verdict, Said.FINE)


def pytest_benchmark(a: Recorded, b: Recorded) -> Said:
    """--benchmark-compare-fail=median:5%."""
    stats = ({"median": float(np.median(one.durations_ns))} for one in (b, a))
    return Said.SLOWER if parse_compare_fail("median:5%").fails(*stats) else Said.FINE


def asv(a: Recorded, b: Recorded) -> Said:
    """`asv continuous` with its defaults: a factor of 1.1, and the U-test."""
    compute = _of("asv_runner.statistics").compute_stats
    (before, stats_a), (after, stats_b) = (compute(one.durations_ns.tolist(), 1) for one in (a, b))
    better = _of("asv.commands.compare")._is_result_better
    samples = [(stats, one.durations_ns.tolist()) for stats, one in ((stats_a, a), (stats_b, b))]
    return Said.SLOWER if better(before, after, *samples, 1.1) else Said.FINE


def pyperf(a: Recorded, b: Recorded) -> Said:
    """`pyperf compare_to` with its defaults: Student's t-test of as many samples each, and any change."""
    count = min(len(a.durations_ns), len(b.durations_ns))
    samples = (one.durations_ns[:count].tolist() for one in (a, b))
    significant, _ = _of("pyperf._utils").is_significant(*samples)
    return Said.SLOWER if significant and b.durations_ns.mean() > a.durations_ns.mean() else Said.FINE


def github_action_benchmark(a: Recorded, b: Recorded) -> Said:
    """github-action-benchmark's default alert-threshold of 200 %, on pytest-benchmark's operations a second."""
    return Said.SLOWER if b.durations_ns.mean() > 2 * a.durations_ns.mean() else Said.FINE


RULES: Mapping[str, Rule] = {
    "ours": ours,
    "ours without the control variates": ours_without_control,
    "pytest-benchmark `median:5%`": pytest_benchmark,
    "asv `continuous`": asv,
    "pyperf `compare_to`": pyperf,
    "github-action-benchmark, default": github_action_benchmark,
}


def counts(rule: Rule, runs: list[Recorded], slower: float) -> Counter[Said]:
    """What a rule says of every pair."""
    return Counter(rule(a, b) for a, b in pairs(runs, slower))


def table(runs: list[Recorded], rules: Mapping[str, Rule] = RULES) -> Table:
    """A row a rule: false alarms of equal runs, slowdowns found by their size, pairs left undecided, and the time."""
    rows = []
    for name, rule in rules.items():
        found = {slower: counts(rule, runs, slower) for slower in SHARES}
        cells = [f"{said[Said.SLOWER]} of {said.total()}" for said in found.values()]
        undecided = sum(said[Said.UNDECIDED] for said in found.values())
        seconds = np.mean([run.seconds + (run.yardstick_seconds if rule is ours else 0) for run in runs])
        share = f"{undecided / sum(said.total() for said in found.values()):.0%}"
        rows.append([name, *cells, share, f"{2 * seconds:.0f}"])
    header = ["rule", "false alarms", *(f"{slower:.0%} found" for slower in SHARES[1:]), "undecided", "s a pair"]
    return Table(header, rows, [f"{len(runs)} runs; every rule sees the same pairs."])


def _of(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        sys.exit(f"{module.partition('.')[0]} is not installed here: run `pipx run tox -e rules`.")


if __name__ == "__main__":
    for path, title in ((CHOSEN_ON, "Runs on which our constants were chosen"), (HELD_OUT, "Runs recorded afterwards")):
        print("\n".join([f"{title}:", "", *table(corpus(path)).markdown()]), flush=True)
