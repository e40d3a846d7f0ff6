"""What ships: written and read again, and 8 bits wherever 8 bits are said."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ssd_core.demo import learnt
from ssd_core.demo.learnt import Layer, Learnt, Probe
from ssd_core.demo.weights import LABELS
from ssd_core.graph.ranges import Range
from ssd_core.network.layers import CONVOLUTIONS, FEATURE_MAPS, heads


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    random = np.random.default_rng(0)

    def whole(*shape: int) -> npt.NDArray[np.int8]:
        return random.integers(-127, 128, shape).astype(np.int8)

    def floats(*shape: int) -> npt.NDArray[np.float32]:
        return random.standard_normal(shape).astype(np.float32)

    layers = {
        "seeded": Layer(floats(4), floats(4)),
        "guided/deep": Layer(floats(4), floats(4), probe=Probe(whole(3, 3, 2, 5), whole(5))),
        "head": Layer(floats(6), floats(6), kernel=whole(3, 3, 2, 6)),
    }
    ranges = {"input": Range(False, 1 / 3), "a/Relu": Range(True, 0.1)}
    Learnt(layers, ranges).write(tmp_path / "learnt.npz")
    again = learnt.read(tmp_path / "learnt.npz")
    assert again.ranges == ranges
    assert again.layers.keys() == layers.keys()
    for name, layer in layers.items():
        read = again.layers[name]
        np.testing.assert_array_equal(read.scale, layer.scale)
        np.testing.assert_array_equal(read.bias, layer.bias)
        assert (read.kernel is None, read.probe is None) == (layer.kernel is None, layer.probe is None)
        if layer.kernel is not None and read.kernel is not None:
            np.testing.assert_array_equal(read.kernel, layer.kernel)
        if layer.probe is not None and read.probe is not None:
            np.testing.assert_array_equal(read.probe.values, layer.probe.values)
            np.testing.assert_array_equal(read.probe.weights, layer.probe.weights)
    assert [path.name for path in tmp_path.iterdir()] == ["learnt.npz"]


def test_what_ships_is_small_and_has_every_layer() -> None:
    assert learnt.FILE.stat().st_size <= 6e6
    shipped = learnt.read()
    channels = {layer.name: layer.channels_out for layer in CONVOLUTIONS}
    for feature_map, (location, classes) in zip(FEATURE_MAPS, heads(), strict=True):
        channels |= {location.name: feature_map.boxes_per_cell * 4}
        channels |= {classes.name: feature_map.boxes_per_cell * len(LABELS)}
    assert {name: len(layer.scale) for name, layer in shipped.layers.items()} == channels
    assert all(np.isfinite(layer.scale).all() and (layer.scale > 0).all() for layer in shipped.layers.values())
