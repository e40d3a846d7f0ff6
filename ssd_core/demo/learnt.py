"""What the demo model has learnt, as one shipped file: 8-bit whole numbers, and a scale and a bias for each channel.

Written by `python -m ssd_core demo train`. Kernels that are drawn from seeds are not in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssd_core.files import replacing
from ssd_core.graph.ranges import Range

Floats = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]

FILE = Path(__file__).with_name("learnt.npz")


@dataclass(frozen=True, eq=False)
class Probe:
    """Directions in which a layer's input is read: int8 [k, k, in, P], and the weight of each, int8 [P]."""

    values: Int8
    weights: Int8


@dataclass(frozen=True, eq=False)
class Layer:
    """What a convolution has learnt: `scale` and `bias` [out], and its int8 kernel [k, k, in, out] or its probe."""

    scale: Floats
    bias: Floats
    kernel: Int8 | None = None
    probe: Probe | None = None


@dataclass(frozen=True, eq=False)
class Learnt:
    """The learnt layers by name, and the range of each tensor of the int8 graph."""

    layers: Mapping[str, Layer]
    ranges: Mapping[str, Range] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the file; it appears whole or not at all."""
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for name, layer in self.layers.items():
            arrays |= {f"{name}/scale": layer.scale, f"{name}/bias": layer.bias}
            if layer.kernel is not None:
                arrays[f"{name}/kernel"] = layer.kernel
            if layer.probe is not None:
                arrays |= {f"{name}/probe": layer.probe.values, f"{name}/weights": layer.probe.weights}
        arrays["ranges/names"] = np.array(list(self.ranges))
        arrays["ranges/unsigned"] = np.array([r.unsigned for r in self.ranges.values()], np.bool_)
        arrays["ranges/limits"] = np.array([r.limit for r in self.ranges.values()], np.float64)
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)


def read(path: Path = FILE) -> Learnt:
    """The shipped file's content."""
    with np.load(path) as stored:
        arrays = dict(stored)
    names = [name.removesuffix("/scale") for name in arrays if name.endswith("/scale")]
    ranges = zip(arrays["ranges/names"], arrays["ranges/unsigned"], arrays["ranges/limits"], strict=True)
    return Learnt(
        {name: _layer(arrays, name) for name in names},
        {str(name): Range(bool(unsigned), float(limit)) for name, unsigned, limit in ranges},
    )


def _layer(arrays: Mapping[str, npt.NDArray[np.generic]], name: str) -> Layer:
    def part(kind: str) -> npt.NDArray[np.generic] | None:
        return arrays.get(f"{name}/{kind}")

    values, weights = part("probe"), part("weights")
    probe = None if values is None or weights is None else Probe(values.astype(np.int8), weights.astype(np.int8))
    kernel = part("kernel")
    return Layer(
        arrays[f"{name}/scale"].astype(np.float32),
        arrays[f"{name}/bias"].astype(np.float32),
        None if kernel is None else kernel.astype(np.int8),
        probe,
    )
