"""Sequential decisions: a clear case ends early, and looking often costs few errors.

Looks are few, at numbers of rounds that grow by a constant factor. Each has an equal part of `ALPHA`: alpha spending
(Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials") with the union bound between looks.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ssd_core.stats.steadiness import CONFIDENCE

FIRST_LOOK = 4  # rounds
GROWTH = 1.4
LOOKS = tuple(round(FIRST_LOOK * GROWTH**look) for look in range(9))  # 4, 6, 8, 11, 15, 22, 30, 42 and 59 rounds
ALPHA = 0.005  # two-sided, of all looks together: half of the later test's
LATER_LOOKS = 0.2  # of the first look's errors: what each later look at a run that goes on may add

Array = NDArray[np.float64]


def share_of_errors(look: int) -> float:
    """The part of the usual errors (5 % of intervals, p < 0.01) that the first, second, ... look at a run may make."""
    return 1.0 if look == 1 else LATER_LOOKS


def level(rounds: int) -> float:
    """The level of the look after so many rounds, 0 where there is none; they sum up to `ALPHA`."""
    return ALPHA / len(LOOKS) if rounds in LOOKS else 0.0


def next_look(rounds: int) -> int:
    """After how many rounds to look again; beyond the last of `LOOKS` only other tests can decide."""
    return next((look for look in LOOKS if look > rounds), math.ceil(GROWTH * rounds))


def differs(logs: Array) -> bool:
    """Whether Student's t-test shows at this look that the mean of `logs` [rounds] is not 0."""
    from scipy.stats import t  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    rounds = len(logs)
    if rounds not in LOOKS:
        return False
    error = float(logs.std(ddof=1)) / math.sqrt(rounds)
    if error == 0:
        return bool(logs[0] != 0)
    return bool(2 * t.sf(abs(float(logs.mean())) / error, rounds - 1) < level(rounds))


def t_interval(logs: Array) -> tuple[float, float, float]:
    """exp of the mean of `logs` [rounds], and of the ends of Student's 95 % interval; rounds are at least 2."""
    from scipy.stats import t  # not at the top: SciPy takes 0.7 s, which pytest's start does not need

    mean, error = float(logs.mean()), float(logs.std(ddof=1)) / math.sqrt(len(logs))
    reach = float(t.ppf((1 + CONFIDENCE) / 2, len(logs) - 1)) * error
    return math.exp(mean), math.exp(mean - reach), math.exp(mean + reach)
