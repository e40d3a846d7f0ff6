"""Random numbers, points and directions with the same bits on every machine.

The raw numbers of PCG64 never change (NEP 19). What is made of them uses whole numbers and single operations on
doubles, which IEEE 754 defines to the last bit. NumPy's own distributions promise neither.
"""

import math

import numpy as np
import numpy.typing as npt

_FRACTION_BITS = 53  # of a double
_DECIMALS = 9  # to which cosines and logarithms are rounded: the C libraries differ in the 16th
_BELL_BYTES = 4
_BELL_MEAN = _BELL_BYTES * 255 / 2
_BELL_DEVIATION = math.sqrt(_BELL_BYTES * (256**2 - 1) / 12)


class Draws:
    """Numbers drawn one after another from a seed."""

    def __init__(self, seed: int) -> None:
        self._source = np.random.PCG64(seed)

    def integer(self, low: int, high: int) -> int:
        """A whole number of [low, high)."""
        return low + int(self._source.random_raw()) % (high - low)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number of [low, high)."""
        whole: int = int(self._source.random_raw()) >> (64 - _FRACTION_BITS)
        return low + (high - low) * (whole / float(2**_FRACTION_BITS))

    def ratio(self, low: float, high: float) -> float:
        """A number of [low, high) whose logarithm is uniform."""
        return round(math.exp(self.uniform(math.log(low), math.log(high))), _DECIMALS)

    def order(self, count: int) -> list[int]:
        """The numbers below `count` in a random order."""
        return [int(place) for place in np.argsort(self._raw(count), kind="stable")]

    def int8(self, *shape: int) -> npt.NDArray[np.int8]:
        """Whole numbers from -128 to 127, all equally likely."""
        count = math.prod(shape)
        return self._raw(-(-count // 8)).view(np.int8)[:count].reshape(shape)

    def bell(self, *shape: int) -> npt.NDArray[np.float64]:
        """Numbers of mean 0 and deviation 1, nearly normal: sums of four bytes, at most 3.5 from 0."""
        sums = self.int8(*shape, _BELL_BYTES).view(np.uint8).sum(axis=-1, dtype=np.uint16)
        bell: npt.NDArray[np.float64] = (sums - _BELL_MEAN) / _BELL_DEVIATION
        return bell

    def _raw(self, count: int) -> npt.NDArray[np.uint64]:
        raw: npt.NDArray[np.uint64] = self._source.random_raw(count).astype("<u8")
        return raw


def pixel(x: float, y: float) -> tuple[float, float]:
    """A point to six decimals, for Pillow, which drops fractions: 16.999999999999996 must be 17 on every machine."""
    return round(float(x), 6), round(float(y), 6)


def direction(angle: float) -> tuple[float, float]:
    """The cosine and the sine of an angle in radians, to nine decimals."""
    return round(math.cos(angle), _DECIMALS), round(math.sin(angle), _DECIMALS)
