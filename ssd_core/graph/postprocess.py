"""Upstream's graphs with our post-processing: 80 non-maximum suppressions become one, the detections stay the same.

The raw predictions are recognised by their place and shape, not by name: the input of the softmax, and the first tensor
with four numbers per default box. Both post-processings are run, to check that they agree.

From the same raw predictions both make the same detections in the same order. Scores agree to the last bit, ties too.
Boxes agree to 1e-7: TensorFlow computes the last elements of an array, which fill no vector, with other instructions.
Two things can still make a difference. A network for several images adds up its fp32 convolutions in another order than
a network for one image. This changes the last bits of the raw predictions. A graph that decodes in another order of
operations than SSD.TensorFlow rounds its boxes differently. A score or an overlap may then cross a threshold, and near
ties may change places.
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
from ssd_core.graph.alike import alike
from ssd_core.graph.contract import BATCHED_OUTPUTS, INPUT, identify
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
_LEAST_ALIKE = 0.995
_CERTAIN = 40.0  # a logit whose score is exactly 1: boxes that have it are tied
_TRIALS = 3


@dataclass(frozen=True)
class FastGraph:
    """A graph of the `batched` contract, and the median time of the old and the new post-processing of one image."""

    graph_def: GraphDef
    before_ms: float
    after_ms: float


def fast_postprocess(graph_def: GraphDef) -> FastGraph:
    """Replace the post-processing of a graph of the `upstream` contract by `network.detections`.

    The input takes any batch if the network in the graph can, otherwise one image. UserError when the graph has another
    contract, or when its post-processing is not the original's.
    """
    contract = identify(graph_def)
    if contract.name != "upstream":
        raise UserError("The graph's post-processing is one operation already: leave --postprocess fast out.")
    outputs = [node_of(name) for name in contract.outputs]
    raw = raw_nodes(graph_def)
    expected, before_ms = _try(graph_def, outputs, raw)
    network = pruned(graph_def, raw)
    for centers in _KNOWN_CENTERS:
        fast = _with_detections(network, list(raw), centers)
        arrays, after_ms = _try(fast, BATCHED_OUTPUTS, raw)
        if alike(contract.detections(expected), identify(fast).detections(arrays)) >= _LEAST_ALIKE:
            free = free_batch(network, list(raw))
            return FastGraph(_with_detections(*free, centers) if free else fast, before_ms, after_ms)
    raise UserError(
        "The graph's post-processing is not SSD.TensorFlow's (other thresholds or default boxes), so that ours would"
        " find other objects: leave --postprocess fast out."
    )


def raw_nodes(graph_def: GraphDef) -> Raw:
    """Where the raw predictions of a graph of the `upstream` contract are; UserError when they are not found."""
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
    """The post-processing's outputs for made-up raw predictions, and its median time in milliseconds."""
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
    """Raw predictions that exercise every step: boxes outside and too small, a class of thousands, many ties."""
    random = np.random.default_rng(0)
    locations = random.normal(0, (0.8, 0.8, 2.5, 2.5), (NUM_BOXES, 4))
    logits = random.normal(0, 1, (NUM_BOXES, NUM_CLASSES)) + 9.0 * (np.arange(NUM_CLASSES) == 0)
    logits[random.integers(0, NUM_BOXES, 400), random.integers(1, NUM_CLASSES, 400)] += random.uniform(6, 12, 400)
    crowd = random.choice(NUM_BOXES, 3 * MAX_CANDIDATES_PER_CLASS, replace=False)
    logits[crowd, 1] += 7
    logits[crowd[: MAX_CANDIDATES_PER_CLASS // 2], 1] = _CERTAIN
    return locations.astype(np.float32), logits.astype(np.float32)
