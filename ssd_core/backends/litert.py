"""LiteRT (TensorFlow Lite): the network converted and quantized by TensorFlow's converter, run with XNNPACK.

A second small model makes the detections from an image's raw predictions, with one of LiteRT's own
`NON_MAX_SUPPRESSION_V5` per class.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from ssd_core.backends.peer import PeerSession, Rows
from ssd_core.backends.protocol import Call, Images, Opening
from ssd_core.backends.raw_network import Network
from ssd_core.errors import UserError
from ssd_core.files import replacing, sha256_of
from ssd_core.graph.contract import INPUT, Detections
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS
from ssd_core.network.anchors import PRIOR_SCALING, Floats
from ssd_core.network.detections import MAX_DETECTIONS_PER_CLASS, MIN_SIZE, OVERLAP_THRESHOLD, SCORE_THRESHOLD

FILES = {"fp32": "litert_fp32.tflite", "int8": "litert_int8.tflite"}
_SUPPRESSION = "litert_detections.tflite"
_NORMALIZATION = ("SQUARE", "SUM", "SQRT", "MAXIMUM", "DIV", "RSQRT", "MUL")  # stays fp32: 8 bits would divide by 0
_LONGEST_EDGE = float(np.log(1000.0))  # of default boxes, as a logarithm: beyond, float32 has no exponential

Arrays = list[npt.NDArray[Any]]


def make(network: Network, images: Sequence[Floats], folder: Path) -> None:
    """Make the models of every precision in `folder`; int8 is calibrated on images [1, 300, 300, 3]."""
    import tensorflow as tf  # it takes 6 s to import

    graph_def = _without_norms(network.graph_def)
    imported = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph_def, name=""), [])
    function = imported.prune(f"{INPUT}:0", [f"{LOCATIONS}:0", f"{CANDIDATE_LOGITS}:0"])
    classes = int(function.outputs[1].shape[-1])
    _convert(function, folder / FILES["fp32"])
    _convert(function, folder / FILES["int8"], images)
    _convert(_suppression(network.centers, classes), folder / _SUPPRESSION)


def _convert(function: Any, target: Path, images: Sequence[Floats] = ()) -> None:
    import tensorflow as tf  # it takes 6 s to import

    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    if images:  # signed activations, signed weights with per-channel scales; inputs and outputs stay float32
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image] for image in images)
        options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=list(_NORMALIZATION))
        debugger = tf.lite.experimental.QuantizationDebugger(converter=converter, debug_options=options)
        model = debugger.get_nondebug_quantized_model()
    else:
        model = converter.convert()
    with replacing(target) as temporary:
        temporary.write_bytes(model)


def _without_norms(graph_def: Any) -> Any:
    """The graph with each EuclideanNorm, which LiteRT lacks, as the root of a sum of squares."""
    rewritten = type(graph_def)()
    for node in graph_def.node:
        if node.op != "EuclideanNorm":
            rewritten.node.add().CopyFrom(node)
            continue
        square = rewritten.node.add(name=f"{node.name}/square", op="Square", input=node.input[:1])
        total = rewritten.node.add()
        total.CopyFrom(node)
        total.name, total.op, total.input[0] = f"{node.name}/sum", "Sum", square.name
        root = rewritten.node.add(name=node.name, op="Sqrt", input=[total.name])
        for added in (square, root):
            added.attr["T"].CopyFrom(node.attr["T"])
    return rewritten


def _suppression(centers: Floats, classes: int) -> Any:
    """One image's locations [1, B, 4] and plain logits [1, B, C] -> boxes [B, 4], indices and scores, and counts."""
    import tensorflow as tf  # it takes 6 s to import

    def suppress(locations: Any, logits: Any) -> Any:
        middles, sizes = tf.split(locations[0] * np.array(PRIOR_SCALING, np.float32), 2, axis=-1)
        middles = middles * centers[:, 2:] + centers[:, :2]
        halves = tf.exp(tf.minimum(sizes, _LONGEST_EDGE)) * centers[:, 2:] / 2
        boxes = tf.clip_by_value(tf.concat([middles - halves, middles + halves], axis=-1), 0.0, 1.0)
        large_enough = tf.reduce_all(boxes[:, 2:] - boxes[:, :2] > MIN_SIZE, axis=-1, keepdims=True)
        scores = tf.where(large_enough, tf.nn.softmax(logits[0]), 0.0)
        kept = [
            tf.raw_ops.NonMaxSuppressionV5(
                boxes=boxes,
                scores=scores[:, number],
                max_output_size=MAX_DETECTIONS_PER_CLASS,
                iou_threshold=OVERLAP_THRESHOLD,
                score_threshold=SCORE_THRESHOLD,
                soft_nms_sigma=0.0,
                pad_to_max_output_size=True,
            )
            for number in range(1, classes)  # 0 is the background
        ]
        indices, of_kept, counts = (tf.stack(part) for part in zip(*kept, strict=True))
        return boxes, indices, of_kept, counts

    shapes = [tf.TensorSpec([1, len(centers), width], tf.float32) for width in (4, classes)]
    return tf.function(suppress).get_concrete_function(*shapes)


class LiteRtSession(PeerSession):
    """An interpreter for each stream, with its share of the threads; each gives one call."""

    def __init__(self, opening: Opening) -> None:
        path = opening.model / FILES[opening.precision]
        calls: list[Call] = []
        for _ in range(opening.streams):
            network = _interpreter(path, opening.num_intra_threads, opening.batch_size)
            calls.append(_call(network))
        models = [network]
        if opening.scope == "detections":
            suppressions = [_interpreter(opening.model / _SUPPRESSION, opening.num_intra_threads) for _ in calls]
            calls = [_with_detections(*both) for both in zip(calls, suppressions, strict=True)]
            models.append(suppressions[0])
        counts = dict(Counter(op["op_name"] for model in models for op in model._get_ops_details()).most_common())
        super().__init__(opening, sha256_of(path), counts)
        self.calls = tuple(calls)

    def _detections(self, outputs: Arrays) -> list[Detections]:
        boxes, indices, scores, counts = outputs

        def rows_of(image: int) -> Rows:
            kept = np.arange(indices.shape[2]) < counts[image][:, None]
            classes, _ = np.nonzero(kept)
            return classes + 1, scores[image][kept], boxes[image][indices[image][kept]]

        return self._detections_of(rows_of)


def _interpreter(path: Path, threads: int, batch_size: int | None = None) -> Interpreter:
    try:
        interpreter = Interpreter(str(path), num_threads=threads)
        if batch_size is not None:
            (images,) = interpreter.get_input_details()
            interpreter.resize_tensor_input(images["index"], [batch_size, *images["shape"][1:]])
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise UserError(f"LiteRT refuses {path}: {str(error).splitlines()[0]}.") from error
    return interpreter


def _call(network: Interpreter) -> Call:
    """Images -> locations and logits, which the next call overwrites."""
    (images_at,) = (details["index"] for details in network.get_input_details())
    outputs = sorted(network.get_output_details(), key=lambda details: int(details["shape"][-1]))  # 4, then classes

    def call(images: Images) -> Arrays:
        network.set_tensor(images_at, images)
        network.invoke()
        return [network.tensor(details["index"])() for details in outputs]

    return call


def _with_detections(raw: Call, suppression: Interpreter) -> Call:
    """Images -> boxes [N, B, 4], and of each class indices and scores [N, C, K] and how many of K there are [N, C]."""
    inputs, outputs = (
        [details["index"] for details in sorted(of_all, key=lambda details: str(details["name"]))]
        for of_all in (suppression.get_input_details(), suppression.get_output_details())
    )

    def call(images: Images) -> Arrays:
        results: list[Arrays] = []
        for of_image in zip(*raw(images), strict=True):
            for place, predictions in zip(inputs, of_image, strict=True):
                suppression.set_tensor(place, predictions[np.newaxis])
            suppression.invoke()
            results.append([suppression.get_tensor(place) for place in outputs])
        return [np.stack(part) for part in zip(*results, strict=True)]

    return call
