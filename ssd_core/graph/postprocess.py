"""The seed's graphs with our post-processing: 80 non-maximum suppressions become one, the detections stay the same.

The raw predictions are found in the graph by what they are, not by name: what the softmax takes, and the first tensor
of four numbers a default box. That the old and the new post-processing agree is tried, not assumed.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph.contract import BATCHED_OUTPUTS, INPUT, Detections, identify
from ssd_core.graph.free_batch import free_batch, run
from ssd_core.graph.session import session_on
from ssd_core.graph.torchvision import TORCHVISION
from ssd_core.graph.view import GraphView, node_of, pruned
from ssd_core.network.detections import MAX_CANDIDATES_PER_CLASS, detect
from ssd_core.network.layers import IMAGE_SIZE, NUM_BOXES, NUM_CLASSES
from ssd_core.network.variant import ORIGINAL

GraphDef = Any
Tensor = Any
Arrays = list[npt.NDArray[Any]]
Floats = npt.NDArray[np.float32]
Raw = dict[str, tuple[int, ...]]
"""The nodes that give the raw predictions of one image, and their shapes: locations first, then logits."""

_KNOWN_CENTERS = (ORIGINAL.centers, TORCHVISION.centers)
_JOINING = ("Concat", "ConcatV2", "Dequantize", "Identity", "Reshape", "Squeeze")
_TOLERANCE = 1e-4
_UNMATCHED = 0.005
_TRIALS = 3


@dataclass(frozen=True)
class FastGraph:
    """A graph of the `batched` contract, and the median time of the old and the new post-processing of one image."""

    graph_def: GraphDef
    before_ms: float
    after_ms: float


def fast_postprocess(graph_def: GraphDef) -> FastGraph:
    """Replace the post-processing of a graph of the `seed` contract by `network.detections`.

    The input takes any batch where the network in the graph does, else one image as before. UserError when the graph is
    of another contract, or its post-processing is not the original's.
    """
    contract = identify(graph_def)
    if contract.name != "seed":
        raise UserError("The graph's post-processing is one operation already: leave --postprocess fast out.")
    outputs = [node_of(name) for name in contract.outputs]
    raw = _raw_predictions(graph_def)
    expected, before_ms = _try(graph_def, outputs, raw)
    network = pruned(graph_def, raw)
    for centers in _KNOWN_CENTERS:
        fast = _with_detections(network, list(raw), centers)
        found, after_ms = _try(fast, BATCHED_OUTPUTS, raw)
        if _agree(contract.detections(expected)[0], identify(fast).detections(found)[0]):
            free = free_batch(network, list(raw))
            return FastGraph(_with_detections(*free, centers) if free else fast, before_ms, after_ms)
    raise UserError(
        "The graph's post-processing is not SSD.TensorFlow's (other thresholds or default boxes), so that ours would"
        " find other objects: leave --postprocess fast out."
    )


def _raw_predictions(graph_def: GraphDef) -> Raw:
    view = GraphView(graph_def)
    softmaxes = [node for node in graph_def.node if node.op == "Softmax"]
    after_input, after_softmax = view.behind([INPUT]), view.behind(node.name for node in softmaxes)
    joining = [
        node.name
        for node in view.in_order()
        if node.op in _JOINING and node.name in after_input and node.name not in after_softmax
    ]
    names = [*joining, *(node_of(node.input[0]) for node in softmaxes)]
    (values,) = run(graph_def, names, np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 3), np.float32))
    shapes = {name: v.shape for name, v in zip(names, values, strict=True) if v.dtype == np.float32}
    locations = [name for name in joining if shapes.get(name, ())[-2:] == (NUM_BOXES, 4)]
    logits = [name for name in names[len(joining) :] if shapes.get(name, ())[-2:] == (NUM_BOXES, NUM_CLASSES)]
    if not locations or len(logits) != 1:
        raise UserError(
            f"The graph's raw predictions, [{NUM_BOXES}, 4] and [{NUM_BOXES}, {NUM_CLASSES}] before a softmax, were not"
            " found: leave --postprocess fast out."
        )
    return {name: shapes[name] for name in (locations[0], logits[0])}


def _with_detections(network: GraphDef, raw: Sequence[str], centers: Floats) -> GraphDef:
    """The `batched` graph of a network whose nodes `raw` give locations and logits, of one image or of a batch."""
    graph = tf.Graph()
    with graph.as_default():
        tensors = tf.import_graph_def(network, return_elements=[f"{name}:0" for name in raw], name="")
        locations, logits = (
            tf.reshape(tensor, [-1, NUM_BOXES, width]) for tensor, width in zip(tensors, (4, NUM_CLASSES), strict=True)
        )
        for tensor, name in zip(detect(locations, logits, centers), BATCHED_OUTPUTS, strict=True):
            tf.identity(tensor, name=name)
    return graph.as_graph_def()


def _try(graph_def: GraphDef, outputs: Sequence[str], raw: Raw) -> tuple[Arrays, float]:
    """What the post-processing of a graph makes of made-up raw predictions, and its median time in milliseconds."""
    behind = type(graph_def)()
    behind.CopyFrom(graph_def)
    for node in behind.node:
        if node.name in raw:
            node.op = "Placeholder"
            node.ClearField("input")
            node.attr.clear()
            node.attr["dtype"].type = tf.float32.as_datatype_enum
            node.attr["shape"].shape.CopyFrom(tf.TensorShape(raw[node.name]).as_proto())
    feeds = {name: v.reshape(shape) for (name, shape), v in zip(raw.items(), _made_up(), strict=True)}
    times_ns = []
    with session_on(pruned(behind, outputs), optimize=True) as session:
        for _ in range(1 + _TRIALS):
            start_ns = time.perf_counter_ns()
            arrays = session.run([f"{n}:0" for n in outputs], {f"{n}:0": value for n, value in feeds.items()})
            times_ns.append(time.perf_counter_ns() - start_ns)
    return arrays, statistics.median(times_ns[1:]) / 1e6


def _made_up() -> tuple[Floats, Floats]:
    """Raw predictions that every step has work with: boxes outside the image and too small, a class of thousands."""
    random = np.random.default_rng(0)
    locations = random.normal(0, (0.8, 0.8, 2.5, 2.5), (NUM_BOXES, 4))
    logits = random.normal(0, 1, (NUM_BOXES, NUM_CLASSES)) + 9.0 * (np.arange(NUM_CLASSES) == 0)
    logits[random.integers(0, NUM_BOXES, 400), random.integers(1, NUM_CLASSES, 400)] += random.uniform(6, 12, 400)
    logits[random.choice(NUM_BOXES, 3 * MAX_CANDIDATES_PER_CLASS, replace=False), 1] += 7
    return locations.astype(np.float32), logits.astype(np.float32)


def _agree(expected: Detections, found: Detections) -> bool:
    """Whether nearly all detections have one just like them, of their class, on the other side.

    Not all: a score or an overlap at a threshold may fall on either side of it when sums are rounded in another order.
    """
    unmatched = 0
    for label in np.union1d(expected.classes, found.classes):
        ours, theirs = (
            np.concatenate([d.scores[d.classes == label, None], d.boxes[d.classes == label]], axis=1)
            for d in (found, expected)
        )
        alike = np.abs(ours[:, None] - theirs[None]).max(axis=-1) < _TOLERANCE
        unmatched += int((~alike.any(axis=0)).sum() + (~alike.any(axis=1)).sum())
    return unmatched <= _UNMATCHED * (len(expected.scores) + len(found.scores))
