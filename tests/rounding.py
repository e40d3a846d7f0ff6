"""Rounding errors of float32 and float64: the tolerances of tests that compare floats, and where they come from.

`pytest.approx` without a tolerance allows 1e-6 of the value. Use it for float64 formulas of a few operations, whose
error is some 1e-15, and for numbers that were typed in.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

UNIT = 2.0**-24  # unit roundoff of float32: the largest relative error of one rounded operation
UNIT64 = 2.0**-53  # the same of float64

TWO_SOFTMAXES = 2 * (2 * 30 + 81) * UNIT
"""The largest difference of a score between two float32 programs that start from the same 81 logits.

exp(x - max) rounds an x of up to 30, and so does each of the 81 terms of the sum that it is divided by. The boxes are
ten roundings of values below 2, which is less.
"""

_LAYERS, _TERMS = 23, 512 * 9  # of the network: convolutions one behind the other, the most products that one adds up


def of_sums(terms: int, magnitudes: npt.NDArray[Any] | float) -> Any:
    """The largest error of a float32 sum of `terms` products a * b, where `magnitudes` are the sums of |a * b|.

    It holds for every order of the terms, fused or not (Higham 2002, "Accuracy and stability of numerical algorithms",
    section 3.1). Two float32 sums can differ by twice as much.
    """
    return terms * UNIT / (1 - terms * UNIT) * magnitudes


def of_the_network(outputs: npt.NDArray[Any]) -> float:
    """The largest difference between two float32 runs of the whole network in any of these outputs of a head.

    Rounding errors are independent (Higham and Mary 2019, "A new approach to probabilistic rounding error analysis").
    A layer with n terms has an error of sqrt(n) * UNIT times the root mean square of its outputs; the errors of the
    layers add up as the square root of their number. The second run adds a factor of 1.4, and the largest of a million
    errors is within 7 deviations.
    """
    return 10 * math.sqrt(_LAYERS * _TERMS) * UNIT * float(np.sqrt(np.mean(np.square(outputs, dtype=np.float64))))


def of_detections(logits: npt.NDArray[Any], locations: npt.NDArray[Any]) -> float:
    """The largest difference between two float32 runs of the whole network in a score or a corner of a detection.

    A probability p changes by p (1 - p) times the change of its logit against the others, at most a quarter of it. A
    corner of a box as large as the image changes by 0.1 of the change of its centre's location, and by half of 0.2 of
    its size's; a larger box, before it is clipped, by twice that.
    """
    return max(0.25 * 2 * of_the_network(logits), 2 * (0.1 + 0.1) * of_the_network(locations))
