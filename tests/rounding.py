"""How far rounding can part two ways to compute one thing: what tests that compare floats allow, and why.

`pytest.approx` without a tolerance of its own allows 1e-6 of the value. It is for float64 formulas of a few operations,
which are off by some 1e-15, and for numbers that were typed in.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

UNIT = 2.0**-24  # unit roundoff of float32: the largest relative error of one rounded operation
UNIT64 = 2.0**-53  # the same of float64

TWO_SOFTMAXES = 2 * (2 * 30 + 81) * UNIT
"""How far two float32 programs may lie apart in the score of a class of 81, given the same logits.

In exp(x - max) an x of up to 30 is rounded, likewise in the terms of the sum that it is divided by, and 81 are added.
The boxes beside it take ten roundings of values below 2, which is less.
"""

_LAYERS, _TERMS = 23, 512 * 9  # of the network: convolutions one behind the other, the most products that one adds up


def of_sums(terms: int, magnitudes: npt.NDArray[Any] | float) -> Any:
    """How far a float32 sum of `terms` products can lie from the exact one; `magnitudes` are the sums of |a * b|.

    It holds in whatever order, fused or not (Higham 2002, "Accuracy and stability of numerical algorithms", 3.1). Two
    float32 sums can lie twice as far apart.
    """
    return terms * UNIT / (1 - terms * UNIT) * magnitudes


def of_the_network(outputs: npt.NDArray[Any]) -> float:
    """How far two float32 runs of the whole network may lie apart in any of these outputs of a head.

    Roundings are independent, so that a layer's n of them come to sqrt(n) * UNIT of its output's root mean square, and
    those of several layers to the square root of their number (Higham and Mary 2019, "A new approach to probabilistic
    rounding error analysis"). The second run makes that 1.4 times as much, and of a million outputs the largest error
    is within 7 deviations.
    """
    return 10 * math.sqrt(_LAYERS * _TERMS) * UNIT * float(np.sqrt(np.mean(np.square(outputs, dtype=np.float64))))


def of_detections(logits: npt.NDArray[Any], locations: npt.NDArray[Any]) -> float:
    """How far two float32 runs of the whole network may lie apart in a score or a corner.

    A probability p moves by p (1 - p), a quarter at most, of what its logit moves against the others. A corner moves by
    0.1 of what its centre's location does, and by half of 0.2 of what its size's does, for a box as large as the image;
    twice that for one that is larger before it is cut.
    """
    return max(0.25 * 2 * of_the_network(logits), 2 * (0.1 + 0.1) * of_the_network(locations))
