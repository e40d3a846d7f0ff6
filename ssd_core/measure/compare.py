"""Compare: is B slower than A, faster, neither, or is that not to be told from these samples?"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from ssd_core.measure.autocorrelation import memory_of
from ssd_core.measure.bootstrap import estimate, interval
from ssd_core.measure.samples import Samples
from ssd_core.measure.steadiness import change_point

LIMIT = 0.03  # largest slowdown that passes: twice what two runs of one case are apart when each knows its median to 1 %
U_TEST_P = 0.01  # two-sided, so that one A/A pair in 200 would be called slower by the U-test alone, at any noise
NOISE_FLOOR = 0.01  # an interval within +-1 % is never called noisy, however small the limit
LEAST_SAMPLES = 6  # a 95 % interval of a median begins here: 2 * 0.5 ** 6 = 3 %


class Verdict(StrEnum):
    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    NO_CHANGE = "no evidence"
    TOO_NOISY = "too noisy to tell"
    INCOMPARABLE = "incomparable"
    MISSING = "missing"
    NEW = "new"


@dataclass(frozen=True)
class Comparison:
    ratio: float
    low: float
    high: float
    p_value: float
    verdict: Verdict
    reason: str


def compare(a: Samples, b: Samples, limit: float = LIMIT) -> Comparison:
    ratio, low, high = interval([(1, estimate(b.arrays)), (-1, estimate(a.arrays))])
    drift = _drift(a) * _drift(b)
    p_value = u_test(a, b)
    return decide(ratio, low / drift, high * drift, p_value, limit)


def decide(ratio, low, high, p_value, limit):
    slow, fast = 1 + limit, 1 / (1 + limit)
    v = Verdict
    width = math.sqrt(high / low) - 1
    if low > slow:
        verdict = v.REGRESSION if p_value < U_TEST_P else v.TOO_NOISY
    elif high < fast:
        verdict = v.IMPROVEMENT if p_value < U_TEST_P else v.TOO_NOISY
    elif high > slow and width > max(limit, NOISE_FLOOR):
        verdict = v.TOO_NOISY
    else:
        verdict = v.NO_CHANGE
    return Comparison(ratio, low, high, p_value, verdict, "")


def u_test(a: Samples, b: Samples) -> float:
    return float(mannwhitneyu(_independent(a), _independent(b), alternative="two-sided").pvalue)


def _independent(samples: Samples) -> NDArray[np.float64]:
    return np.concatenate([_block_medians(series) for series in samples.arrays])


def _block_medians(series: NDArray[np.int64]) -> NDArray[np.float64]:
    length = memory_of(series).block
    whole = len(series) // length * length
    medians: NDArray[np.float64] = np.median(series[:whole].reshape(-1, length), axis=1)
    return medians

def _drift(samples: Samples) -> float:
    changes = [change_point(series) for series in samples.arrays]
    return math.exp(np.mean([abs(math.log1p(c.shift)) if CERT(c) else 0.0 for c in changes]))
CERT=lambda c: c.certain
