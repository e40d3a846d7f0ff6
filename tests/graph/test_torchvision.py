"""torchvision's `ssd300_vgg16`, written out in its own layout in numpy, against the graph made of its weights."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.numpy import save_file

from ssd_core.coco.categories import CATEGORIES
from ssd_core.errors import UserError
from ssd_core.graph.contract import identify
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS, fp32_graph
from ssd_core.graph.quantize import quantize
from ssd_core.graph.torchvision import TORCHVISION, default_centers, read_state_dict, torchvision_weights
from ssd_core.network import anchors
from ssd_core.network.detections import BACKGROUND_OFFSET
from tests.rounding import UNIT, of_detections, of_the_network

GraphDef = Any
Floats = npt.NDArray[np.float32]
State = dict[str, Floats]

VGG = (
    *((0, 3, 64), (2, 64, 64)),
    *((5, 64, 128), (7, 128, 128)),
    *((10, 128, 256), (12, 256, 256), (14, 256, 256)),
    *((17, 256, 512), (19, 512, 512), (21, 512, 512)),
)
EXTRA = {
    **{f"0.{i}": (512, 512, 3) for i in (1, 3, 5)},
    "0.7.1": (512, 1024, 3),
    "0.7.3": (1024, 1024, 1),
    **{"1.0": (1024, 256, 1), "1.2": (256, 512, 3), "2.0": (512, 128, 1), "2.2": (128, 256, 3)},
    **{"3.0": (256, 128, 1), "3.2": (128, 256, 3), "4.0": (256, 128, 1), "4.2": (128, 256, 3)},
}
HEADS = ((512, 4), (1024, 6), (512, 6), (256, 6), (256, 4), (256, 4))  # channels in, default boxes a cell


@pytest.fixture(scope="module")
def state() -> State:
    """A state dict with the published names and shapes, 91 classes, of random values that keep the signal's size."""
    random = np.random.default_rng(9)
    entries: State = {"backbone.scale_weight": random.normal(20, 1, 512).astype(np.float32)}

    def convolution(name: str, channels_in: int, channels_out: int, size: int) -> None:
        shape = (channels_out, channels_in, size, size)
        deviation = (2 / (channels_in * size * size)) ** 0.5 * (0.05 if "regression" in name else 1.0)
        entries[f"{name}.weight"] = random.standard_normal(shape, np.float32) * np.float32(deviation)
        entries[f"{name}.bias"] = random.standard_normal(channels_out, np.float32) * np.float32(0.05)

    for index, channels_in, channels_out in VGG:
        convolution(f"backbone.features.{index}", channels_in, channels_out, 3)
    for name, shape in EXTRA.items():
        convolution(f"backbone.extra.{name}", *shape)
    for i, (channels, boxes) in enumerate(HEADS):
        convolution(f"head.classification_head.module_list.{i}", channels, boxes * 91, 3)
        convolution(f"head.regression_head.module_list.{i}", channels, boxes * 4, 3)
    return entries


def convolve(x: Floats, state: State, name: str, pad: int = 0, stride: int = 1, dilation: int = 1) -> Floats:
    """[channels, height, width] -> the same of the output; zeros on all four sides, no ReLU."""
    kernel, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    reach = (kernel.shape[2] - 1) * dilation + 1
    windows = sliding_window_view(np.pad(x, ((0, 0), (pad, pad), (pad, pad))), (reach, reach), axis=(1, 2))
    windows = windows[:, ::stride, ::stride, ::dilation, ::dilation]
    return np.tensordot(kernel, windows, axes=((1, 2, 3), (0, 3, 4))) + bias[:, None, None]


def pool(x: Floats, size: int = 2, stride: int = 2, pad: int = 0, ceil: bool = False) -> Floats:
    extra = -(x.shape[1] + 2 * pad - size) % stride if ceil else 0
    padded = np.pad(x, ((0, 0), (pad, pad + extra), (pad, pad + extra)), constant_values=-np.inf)
    found: Floats = sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride].max(axis=(3, 4))
    return found


def relu(x: Floats) -> Floats:
    return np.maximum(x, 0)


def reference(state: State, image: npt.NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Box regression [8732, 4] and class logits [8732, 91] of an RGB image [300, 300, 3] in 0..1."""
    mean, deviation = np.array([0.48235, 0.45882, 0.40784]), 1 / 255
    x = ((image - mean) / deviation).transpose(2, 0, 1).astype(np.float32)
    for index, _, _ in VGG:
        x = relu(convolve(x, state, f"backbone.features.{index}", pad=1))
        if index in (2, 7, 14):
            x = pool(x, ceil=index == 14)
    scale = state["backbone.scale_weight"][:, None, None]
    maps = [scale * x / np.maximum(np.linalg.norm(x, axis=0, keepdims=True), 1e-12)]
    x = pool(x)
    for index in (1, 3, 5):
        x = relu(convolve(x, state, f"backbone.extra.0.{index}", pad=1))
    x = pool(x, 3, 1, pad=1)
    x = relu(convolve(x, state, "backbone.extra.0.7.1", pad=6, dilation=6))
    x = relu(convolve(x, state, "backbone.extra.0.7.3"))
    maps.append(x)
    for block, (pad, stride) in enumerate(((1, 2), (1, 2), (0, 1), (0, 1)), 1):
        x = relu(convolve(x, state, f"backbone.extra.{block}.0"))
        x = relu(convolve(x, state, f"backbone.extra.{block}.2", pad=pad, stride=stride))
        maps.append(x)
    outputs = []
    for head, width in (("regression", 4), ("classification", 91)):
        rows = []
        for i, feature_map in enumerate(maps):
            output = convolve(feature_map, state, f"head.{head}_head.module_list.{i}", pad=1)
            size = output.shape[1]
            rows.append(output.reshape(-1, width, size, size).transpose(2, 3, 0, 1).reshape(-1, width))
        outputs.append(np.concatenate(rows))
    return outputs[0], outputs[1]


def default_boxes() -> Floats:
    """torchvision's, [8732, 4] as centre x, centre y, width, height, cell by cell as its generator does."""
    scales = [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05]
    boxes = []
    for k, (size, step, ratios) in enumerate(
        zip((38, 19, 10, 5, 3, 1), (8, 16, 32, 64, 100, 300), ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)), strict=True)
    ):
        shapes = [(scales[k], scales[k]), ((scales[k] * scales[k + 1]) ** 0.5,) * 2]
        for ratio in ratios:
            wide, flat = scales[k] * ratio**0.5, scales[k] / ratio**0.5
            shapes += [(wide, flat), (flat, wide)]
        for row in range(size):
            for column in range(size):
                x, y = (column + 0.5) * step / 300, (row + 0.5) * step / 300
                boxes += [(x, y, min(w, 1), min(h, 1)) for w, h in shapes]
    return np.array(boxes, np.float32)


def decode(regression: Floats, boxes: Floats) -> Floats:
    """xmin, ymin, xmax, ymax of dx, dy, dw, dh with the coder's weights 10, 10, 5, 5."""
    middle = regression[:, :2] / 10 * boxes[:, 2:] + boxes[:, :2]
    half = np.exp(regression[:, 2:] / 5) * boxes[:, 2:] / 2
    return np.concatenate([middle - half, middle + half], axis=1)


@pytest.fixture(scope="module")
def graph_def(state: State) -> GraphDef:
    return fp32_graph(torchvision_weights(state), variant=TORCHVISION)


@pytest.fixture(scope="module")
def image() -> npt.NDArray[np.float64]:
    """RGB in 0..1, as torchvision takes it."""
    return np.random.default_rng(10).random((300, 300, 3))


@pytest.fixture(scope="module")
def ready(image: npt.NDArray[np.float64]) -> Floats:
    """The same as our pipeline makes it."""
    batch: Floats = (image * 255 - [123.68, 116.78, 103.94])[None, :, :, ::-1].astype(np.float32)
    return batch


@pytest.fixture(scope="module")
def predictions(graph_def: GraphDef, ready: Floats, run: Any) -> list[Floats]:
    found: list[Floats] = run(graph_def, [CANDIDATE_LOGITS, LOCATIONS], ready)
    return found


def test_the_graph_computes_what_torchvision_does(
    state: State, image: npt.NDArray[np.float64], predictions: list[Floats]
) -> None:
    regression, logits = reference(state, image)
    ours, locations = predictions
    kept = logits[:, [0, *(number for number, _ in CATEGORIES)]]
    kept[:, 0] += BACKGROUND_OFFSET
    np.testing.assert_allclose(ours[0], kept, atol=of_the_network(logits), rtol=0)
    boxes = decode(regression, default_boxes())[:, [1, 0, 3, 2]]
    decoded = anchors.decode(locations[0], TORCHVISION.centers)
    assert np.abs(boxes - anchors.to_corners(default_centers())).mean() > 0.01
    # Boxes are not cut here: one is off by as much as an image's side, and by as many times that as it is longer.
    off = of_detections(logits, regression)
    np.testing.assert_allclose(decoded, boxes, rtol=off, atol=off)


def test_the_graph_becomes_int8_whole(graph_def: GraphDef, ready: Floats, predictions: list[Floats], run: Any) -> None:
    assert identify(graph_def).name == "batched"
    int8, reports = quantize(graph_def, [ready])
    assert len(reports) == 40
    assert not any(report.reason for report in reports)
    (got,) = run(int8, [CANDIDATE_LOGITS], ready)
    assert np.corrcoef(predictions[0].ravel(), got.ravel())[0, 1] > 0.99  # see test_quantize.NEARLY_THE_SAME


def test_default_boxes_are_torchvisions() -> None:
    np.testing.assert_allclose(
        default_centers(), default_boxes()[:, [1, 0, 3, 2]], atol=UNIT, rtol=0
    )  # float64, rounded
    assert default_centers().shape == (8732, 4)
    # The last map has one cell: 0.87, and, as its sizes end at 1, two boxes that are as long as the image.
    np.testing.assert_allclose(
        default_centers()[-4:, 2:],
        [[0.87, 0.87], [0.9558, 0.9558], [0.6152, 1], [1, 0.6152]],
        atol=1e-4,  # as typed
    )


def test_all_91_classes_can_be_kept(state: State) -> None:
    weights = torchvision_weights(state, 91)
    assert weights["ssd300/multibox_head/cls_0/bias"].shape == (4 * 91,)
    np.testing.assert_array_equal(
        weights["ssd300/multibox_head/cls_5/bias"], state["head.classification_head.module_list.5.bias"]
    )


def test_of_91_classes_those_with_objects_are_taken(state: State) -> None:
    bias = torchvision_weights(state)["ssd300/multibox_head/cls_0/bias"].reshape(4, 81)
    theirs = state["head.classification_head.module_list.0.bias"].reshape(4, 91)
    np.testing.assert_array_equal(bias[:, 0], theirs[:, 0])
    np.testing.assert_array_equal(bias[:, 12], theirs[:, 13])  # stop sign
    np.testing.assert_array_equal(bias[:, 80], theirs[:, 90])  # toothbrush


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backbone.extra.2.0.bias": None}, "has no backbone.extra.2.0.bias"),
        ({"backbone.extra.5.0.bias": np.zeros(3)}, "holds backbone.extra.5.0.bias, which .* does not have"),
        ({"backbone.features.0.weight": np.zeros((64, 3, 7, 7))}, r"features.0.weight.* \(64, 3, 7, 7\)"),
        ({"head.classification_head.module_list.0.bias": None}, "of another model"),
        (
            {"head.classification_head.module_list.0.bias": np.zeros(4 * 21)},
            "has 21 classes, not 81: .*--num-classes 21",
        ),
    ],
)
def test_an_entry_that_does_not_fit_is_named(state: State, changes: dict[str, Any], said: str) -> None:
    changed = {name: value for name, value in (state | changes).items() if value is not None}
    with pytest.raises(UserError, match=said):
        torchvision_weights(changed)


def test_safetensors_are_read(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, np.float16)}
    save_file(arrays, tmp_path / "weights.safetensors")
    found = read_state_dict(tmp_path / "weights.safetensors")
    assert found.keys() == arrays.keys()
    np.testing.assert_array_equal(found["a"], arrays["a"])


def test_what_is_no_safetensors_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(UserError, match="not a safetensors file"):
        read_state_dict(tmp_path / "weights.safetensors")


@pytest.mark.parametrize(("module", "name"), [("torch", "a.pth"), ("safetensors", "a.safetensors")])
def test_a_library_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    (tmp_path / name).write_bytes(b"some bytes")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=f"install .*{module}"):
        read_state_dict(tmp_path / name)


class Tensor:
    """What a state dict of torch holds, as far as it is asked for."""

    def numpy(self) -> Floats:
        return np.arange(3, dtype=np.float32)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_pth_is_read_by_torch_as_weights_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrapped: bool) -> None:
    def load(path: Path, map_location: str, weights_only: bool) -> Mapping[str, Any]:
        assert path.name == "a.pth"
        assert map_location == "cpu"
        assert weights_only
        return {"model": {"a": Tensor()}} if wrapped else {"a": Tensor()}

    (tmp_path / "a.pth").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(load=load))
    np.testing.assert_array_equal(read_state_dict(tmp_path / "a.pth")["a"], [0, 1, 2])


def test_a_pth_that_torch_cannot_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object, **__: object) -> None:
        raise RuntimeError("unexpected pickle")

    (tmp_path / "a.pth").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(load=load))
    with pytest.raises(UserError, match="not a state dict that torch can read"):
        read_state_dict(tmp_path / "a.pth")
