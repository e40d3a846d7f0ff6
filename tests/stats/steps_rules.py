"""How good are our steps? Ours and Otava's on the same simulated series (`pipx run tox -e otava`).

Otava is given the medians, as `otava analyze` is; and once more the series of which we have left out the spikes.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssd_core.output.table import Table
from ssd_core.stats.steps import Points, find_steps
from tests.simulated_history import ERROR, medians

SEED, SERIES, POINTS = 100, 1000, 60
NEAR = 2  # points from the true place
CASES: Mapping[str, dict[str, Any]] = {
    "false steps": {},
    "3 %, 20 after": {"step": 0.03, "after": 20},
    "5 %, 4 after": {"step": 0.05, "after": 4},
    "false, neighbours alike": {"memory": 0.5},
    "3 %, 20 after, alike": {"step": 0.03, "after": 20, "memory": 0.5},
}
_NEIGHBOURS = 2  # on either side: a point far from all medians of them is left out
_FAR = 5.0  # times the median absolute deviation of all

Array = NDArray[np.float64]
Rule = Callable[[list[Array]], list[list[int]]]
"""The places of the steps in each series of logarithms."""


def ours(series: list[Array]) -> list[list[int]]:
    """`python -m ssd_core history`."""
    found = find_steps([Points(logs, np.full(len(logs), ERROR)) for logs in series])
    return [[step.index for step in one.steps] for one in found]


def otava(series: list[Array]) -> list[list[int]]:
    """Otava with its defaults: E-divisive with a t-test in windows of 50, p < 0.001."""
    analysis = _of("otava.analysis")
    return [_otava(analysis, logs) for logs in series]


def otava_despiked(series: list[Array]) -> list[list[int]]:
    """The same on points that are not far from the median of their neighbours."""
    analysis = _of("otava.analysis")
    return [_otava(analysis, despiked(logs)) for logs in series]


def _otava(analysis: Any, logs: Array) -> list[int]:
    found, _ = analysis.compute_change_points(np.exp(logs).tolist(), window_len=50, max_pvalue=0.001)
    return [point.index for point in found]


def despiked(logs: Array) -> Array:
    """Points far from the median of their neighbours, moved to it."""
    padded = np.pad(logs, _NEIGHBOURS, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1)
    middles = np.median(windows, axis=1)
    far = np.abs(logs - middles) > _FAR * np.median(np.abs(logs - middles))
    return np.where(far, middles, logs)


RULES: Mapping[str, Rule] = {"ours": ours, "Otava 0.8.0": otava, "Otava 0.8.0, despiked": otava_despiked}


def share(rule: Rule, count: int, *, after: int = 0, **changes: float) -> float:
    """The share of series with a step near the true place; with any step if there is none."""
    generator = np.random.default_rng(SEED)
    series = [medians(generator, POINTS, after=after, **changes) for _ in range(count)]
    at = POINTS - after
    return float(np.mean([any(not after or abs(index - at) <= NEAR for index in places) for places in rule(series)]))


def table(rules: Mapping[str, Rule] = RULES, count: int = SERIES) -> Table:
    """A row a rule."""
    rows = [[name, *(f"{share(rule, count, **case):.1%}" for case in CASES.values())] for name, rule in rules.items()]
    return Table(["rule", *CASES], rows, [f"{count} series of {POINTS} runs each, seed {SEED}."])


def _of(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        sys.exit(f"{module.partition('.')[0]} is not installed here: run `pipx run tox -e otava`.")


if __name__ == "__main__":
    print("\n".join(table().markdown()))
