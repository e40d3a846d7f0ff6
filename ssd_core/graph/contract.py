"""The contract of a graph: its inputs and outputs, recognised by name.

Two contracts are known. `batched` is ours: any batch, four outputs. `upstream` is that of the published
`ssdvgg16_{fp32,int8}_pretrained_model.pb`: one image, and for each of 80 classes its scores and its boxes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ssd_core.errors import UserError
from ssd_core.graph.view import needed_by, node_of
from ssd_core.network.layers import IMAGE_SIZE, NUM_CLASSES

GraphDef = Any

INPUT = "input"
BATCHED_OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
UPSTREAM_OUTPUTS = tuple("ExpandDims" if i == 0 else f"ExpandDims_{i}" for i in range(2 * (NUM_CLASSES - 1)))
_PLACEHOLDERS = ("Placeholder", "PlaceholderV2")
_FLOAT = 1  # types.proto: DT_FLOAT


@dataclass(frozen=True)
class Detections:
    """One image's: classes [K] in 1..80, scores [K], and boxes [K, 4] as ymin, xmin, ymax, xmax in fractions."""

    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Contract:
    """A graph's tensors by name; `fixed_batch` is None where the graph takes any batch size."""

    name: str
    input: str
    outputs: tuple[str, ...]
    fixed_batch: int | None

    def check_batch(self, batch_size: int) -> None:
        """Raise UserError when the graph cannot take `batch_size` images at once."""
        if self.fixed_batch not in (None, batch_size):
            raise UserError(
                f"The graph's input takes {self.fixed_batch} image(s) at a time ({self.name} contract), not"
                f" {batch_size}: use --batch-size {self.fixed_batch}, or a graph exported with a free batch."
            )

    def detections(self, arrays: Sequence[npt.NDArray[Any]]) -> list[Detections]:
        """The fetched `outputs`, in their order, as one `Detections` an image."""
        return _of_upstream(arrays) if self.name == "upstream" else _of_batch(arrays)


def identify(graph_def: GraphDef) -> Contract:
    """Recognise the contract of a GraphDef.

    UserError for an unknown contract, or where the outputs need another input than the image.
    """
    contract = _recognise(graph_def)
    needed = needed_by(graph_def, map(node_of, contract.outputs))
    for node in graph_def.node:
        if node.op in _PLACEHOLDERS and node.name in needed and node.name != INPUT:
            raise UserError(
                f"The graph's outputs wait for a value of the Placeholder {node.name}, as training gave it one:"
                " freeze the inference graph, where it is a constant."
            )
    return contract


def _recognise(graph_def: GraphDef) -> Contract:
    nodes = {node.name: node for node in graph_def.node}
    batch = _input_batch(graph_def, nodes)
    if all(name in nodes for name in BATCHED_OUTPUTS):
        return Contract("batched", f"{INPUT}:0", tuple(f"{name}:0" for name in BATCHED_OUTPUTS), batch)
    ends = _ends(graph_def)
    present = [name for name in UPSTREAM_OUTPUTS if name in nodes]
    beyond = f"{UPSTREAM_OUTPUTS[0]}_{len(UPSTREAM_OUTPUTS)}"
    if len(present) == len(UPSTREAM_OUTPUTS) and beyond not in ends:
        # The original's post-processing drops the batch dimension, so it takes one image whatever its input says.
        return Contract("upstream", f"{INPUT}:0", tuple(f"{name}:0" for name in UPSTREAM_OUTPUTS), 1)
    if len(present) > 1:
        odd = next((f"no {name}" for name in UPSTREAM_OUTPUTS if name not in present), f"{beyond} as well")
        raise UserError(
            f"The graph has {len(present)} of the {len(UPSTREAM_OUTPUTS)} outputs ExpandDims, ExpandDims_1, … of"
            f" upstream's contract, and {odd}: it is incomplete, or has other classes; export it again."
        )
    raise UserError(
        f"The graph's outputs are unknown: it ends in {_listing(ends)}; known are"
        f" {', '.join(BATCHED_OUTPUTS)}, or {UPSTREAM_OUTPUTS[0]} … {UPSTREAM_OUTPUTS[-1]}."
    )


def operation_counts(graph_def: GraphDef) -> dict[str, int]:
    """How often each operation occurs, most frequent first; functions of the graph's library are counted once."""
    counts: dict[str, int] = {}
    for node in (*graph_def.node, *(n for f in graph_def.library.function for n in f.node_def)):
        counts[node.op] = counts.get(node.op, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _input_batch(graph_def: GraphDef, nodes: dict[str, Any]) -> int | None:
    placeholders = [n.name for n in graph_def.node if n.op in _PLACEHOLDERS]
    if INPUT not in placeholders:
        raise UserError(
            f"The graph's inputs are unknown: it has {_listing(placeholders)}; known is one Placeholder {INPUT}"
            f" [N, {IMAGE_SIZE}, {IMAGE_SIZE}, 3] of float32."
        )
    node = nodes[INPUT]
    sizes = [d.size for d in node.attr["shape"].shape.dim] or [-1, IMAGE_SIZE, IMAGE_SIZE, 3]
    if node.attr["dtype"].type != _FLOAT or len(sizes) != 4 or sizes[1:] != [IMAGE_SIZE, IMAGE_SIZE, 3]:
        raise UserError(
            f"The graph's input has shape {sizes} where SSD300 takes [N, {IMAGE_SIZE}, {IMAGE_SIZE}, 3] of float32:"
            " it is another network, or another layout."
        )
    return None if sizes[0] < 0 else int(sizes[0])


def _ends(graph_def: GraphDef) -> list[str]:
    used = {node_of(name) for node in graph_def.node for name in node.input}
    return [node.name for node in graph_def.node if node.name not in used and node.op != "NoOp"]


def _listing(names: Sequence[str], limit: int = 6) -> str:
    if not names:
        return "none"
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _of_batch(arrays: Sequence[npt.NDArray[Any]]) -> list[Detections]:
    boxes, scores, classes, counts = arrays
    return [
        Detections(classes[i, :k].astype(np.int64), scores[i, :k], boxes[i, :k])
        for i, k in enumerate(int(c) for c in counts)
    ]


def _of_upstream(arrays: Sequence[npt.NDArray[Any]]) -> list[Detections]:
    scores = [a[0] for a in arrays[0::2]]
    boxes = [a[0] for a in arrays[1::2]]
    classes = np.concatenate([np.full(len(s), c, np.int64) for c, s in enumerate(scores, start=1)])
    all_scores, all_boxes = np.concatenate(scores), np.concatenate(boxes)
    kept = np.flatnonzero(all_scores > 0)  # rows that the original masked out have score 0
    order = kept[np.argsort(-all_scores[kept], kind="stable")]
    return [Detections(classes[order], all_scores[order], all_boxes[order])]
