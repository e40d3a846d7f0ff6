"""Calibration: the range of every activation, from running the fp32 graph on images."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ssd_core.errors import UserError
from ssd_core.graph.contract import Contract
from ssd_core.graph.session import failures, session_on

GraphDef = Any
Floats = npt.NDArray[np.float32]
Method = Literal["minmax", "percentile", "entropy"]
METHODS: tuple[Method, ...] = get_args(Method)

PERCENTILE = 99.999
_BINS = 2048
_LEVELS = 128  # magnitudes that an int8 can hold
_SAMPLE = 200_000  # values that one run adds to a tensor's histogram; the extremes use all values


@dataclass
class ActivationRange:
    """The values of one tensor so far: exact extremes, and a histogram of magnitudes that widens when it has to."""

    low: float = np.inf
    high: float = -np.inf
    width: float = 0.0
    counts: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(_BINS))

    def update(self, values: Floats) -> None:
        """Add the values of one run."""
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        magnitudes = np.abs(values.ravel()[:: max(1, values.size // _SAMPLE)])
        top = float(magnitudes.max())
        if self.width == 0.0:
            self.width = max(top, 1e-6)
        while top > self.width:
            self.counts = np.concatenate([self.counts.reshape(-1, 2).sum(axis=1), np.zeros(_BINS // 2)])
            self.width *= 2
        self.counts += np.histogram(magnitudes, _BINS, (0.0, self.width))[0]

    def limit(self, method: Method) -> float:
        """The magnitude that the last quantization level stands for; at most the largest that was seen."""
        largest = max(abs(self.low), abs(self.high), 1e-6)
        if method == "minmax":
            return largest
        if method == "percentile":
            above = np.cumsum(self.counts) >= self.counts.sum() * PERCENTILE / 100
            return min(largest, float((np.argmax(above) + 1) * self.width / _BINS))
        return min(largest, self._least_divergence())

    def _least_divergence(self) -> float:
        """The cut whose quantized distribution is nearest the clipped one, by Kullback-Leibler divergence."""
        counts = self.counts.copy()
        counts[0] = counts[1]  # the zeros that ReLU makes are exact at any scale
        best, best_divergence = _BINS, np.inf
        for cut in range(_LEVELS, _BINS + 1, _LEVELS // 8):
            clipped = counts[:cut].copy()
            clipped[-1] += counts[cut:].sum()
            divergence = _divergence(clipped, _quantized(counts[:cut]))
            if divergence < best_divergence:
                best, best_divergence = cut, divergence
        return best * self.width / _BINS


def _quantized(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`counts` in 128 levels: the sum of each level, spread evenly over its bins that are not empty."""
    level = np.arange(len(counts)) * _LEVELS // len(counts)
    occupied = counts > 0
    sums = np.bincount(level, counts, _LEVELS)
    shares = np.bincount(level, occupied, _LEVELS)
    return np.where(occupied, (sums / np.maximum(shares, 1))[level], 0.0)


def _divergence(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    if not p.sum() or not q.sum():
        return float(np.inf)
    p, q = p / p.sum(), np.maximum(q / q.sum(), 1e-12)
    seen = p > 0
    return float(np.sum(p[seen] * np.log(p[seen] / q[seen])))


def calibrate(
    graph_def: GraphDef, contract: Contract, tensors: Sequence[str], images: Iterable[Floats]
) -> dict[str, ActivationRange]:
    """Run the graph on batches of images [N, 300, 300, 3] and return the range of each of `tensors`.

    UserError without images, when the graph fails, or when an activation is not finite.
    """
    ranges = {name: ActivationRange() for name in tensors}
    fetched = [name if ":" in name else f"{name}:0" for name in tensors]
    seen = 0
    # Not entered as a context: images may come from tf.data, which needs eager execution between the runs.
    with closing(session_on(graph_def)) as session:
        for batch in images:
            size = contract.fixed_batch or len(batch)
            for start in range(0, len(batch), size):
                part = batch[start : start + size]
                # With a fixed batch a short part is filled up with its own images. This widens no range.
                part = np.resize(part, (size, *part.shape[1:])) if contract.fixed_batch else part
                with failures():
                    values = session.run(fetched, {contract.input: part})
                for name, value in zip(tensors, values, strict=True):
                    if not np.isfinite(value).all():
                        raise UserError(f"{name} is not finite on calibration image {seen}: the graph is damaged.")
                    ranges[name].update(value)
                seen += size
    if not seen:
        raise UserError("There are no calibration images: give a --data-location that holds some.")
    return ranges
