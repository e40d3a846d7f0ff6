"""OpenVINO: the network converted by its own front end, quantized by NNCF, its detections by its DetectionOutput."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset8 as operations

from ssd_core.backends.peer import PeerSession, Rows
from ssd_core.backends.protocol import Opening
from ssd_core.backends.raw_network import Network
from ssd_core.errors import UserError
from ssd_core.files import replacing, sha256_of
from ssd_core.graph.contract import Detections
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS
from ssd_core.graph.frozen import write_graph
from ssd_core.network.anchors import PRIOR_SCALING, Floats, to_corners
from ssd_core.network.detections import MAX_CANDIDATES_PER_CLASS, OVERLAP_THRESHOLD, SCORE_THRESHOLD
from ssd_core.network.layers import IMAGE_SIZE

FILES = {"fp32": "openvino_fp32.xml", "bf16": "openvino_fp32.xml", "int8": "openvino_int8.xml"}
"""The model of each precision: bf16 is a hint that the fp32 model is compiled with."""
_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}  # what is not quantized stays fp32
_XY = _YX = np.array([1, 0, 3, 2])  # DetectionOutput puts x before y
_NO_MORE = -1  # the image number of the row after the last detection


def make(network: Network, images: Sequence[Floats], folder: Path) -> None:
    """Make the models of every precision in `folder`; int8 is calibrated on images [1, 300, 300, 3]."""
    graph = folder / "network.pb"
    write_graph(network.graph_def, graph)
    convert(graph, folder / FILES["fp32"])
    graph.unlink()
    quantize(folder / FILES["fp32"], images, folder / FILES["int8"])


def convert(graph: Path, target: Path) -> None:
    """Convert a frozen graph of the network alone."""
    _save(ov.convert_model(graph), target)


def quantize(model: Path, images: Sequence[Floats], target: Path) -> None:
    """Quantize a converted model on images [1, 300, 300, 3], as its makers advise for speed."""
    import nncf  # only the process that makes the models needs it

    quantized = nncf.quantize(
        ov.Core().read_model(model),
        nncf.Dataset(images),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        subset_size=len(images),
        fast_bias_correction=True,
    )
    _save(quantized, target)


def _save(model: ov.Model, target: Path) -> None:
    with replacing(target.with_suffix(".bin")) as weights, replacing(target) as temporary:
        written = temporary.with_suffix(".xml")
        ov.save_model(model, written, compress_to_fp16=False)
        written.with_suffix(".bin").replace(weights)
        written.replace(temporary)


class OpenVinoSession(PeerSession):
    """A compiled model with parallel requests; each gives one call."""

    def __init__(self, opening: Opening) -> None:
        path = opening.model / FILES[opening.precision]
        core = ov.Core()
        model = core.read_model(path)
        if opening.scope == "detections":
            model = _with_detections(model, np.load(opening.model / "centers.npy"))
        model.reshape([opening.batch_size, IMAGE_SIZE, IMAGE_SIZE, 3])
        counts = dict(Counter(node.get_type_name() for node in model.get_ops()).most_common())
        super().__init__(opening, sha256_of(path.with_suffix(".bin")), counts)
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _HINTS[opening.precision],
            "PERFORMANCE_HINT": "LATENCY" if opening.streams == 1 else "THROUGHPUT",
            "INFERENCE_NUM_THREADS": opening.num_intra_threads * max(1, opening.streams),
        }
        if opening.streams > 1:
            settings["PERFORMANCE_HINT_NUM_REQUESTS"] = opening.streams
        try:
            compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise UserError(f"OpenVINO {ov.__version__} refuses {path}: {str(error).splitlines()[0]}.") from error
        streams = opening.streams or int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        requests = streams * opening.requests_a_stream
        self.calls = tuple(_call(compiled.create_infer_request()) for _ in range(requests))

    def _detections(self, outputs: list[npt.NDArray[Any]]) -> list[Detections]:
        (rows,) = outputs
        rows = rows.reshape(-1, 7)
        ended = np.flatnonzero(rows[:, 0] == _NO_MORE)
        rows = rows[: ended[0]] if len(ended) else rows

        def rows_of(image: int) -> Rows:
            of = rows[rows[:, 0] == image]
            return of[:, 1], of[:, 2], of[:, 3:][:, _YX]

        return self._detections_of(rows_of)


def _call(request: Any) -> Any:
    """A callable that runs a batch without copying inputs or outputs. Its next run overwrites the outputs."""
    return lambda images: list(request.infer([images], share_inputs=True, share_outputs=True).values())


def _with_detections(model: ov.Model, centers: Floats) -> ov.Model:
    """The model with softmax and DetectionOutput behind it: [1, 1, rows, 7] of image, class, score, corners.

    Of our post-processing it lacks only the least size of a box and the limit of 200 detections per class after NMS.
    """
    raw = {name: output for output in model.outputs for name in output.get_names()}
    locations, logits = (raw[f"{name}:0"].get_node().input_value(0) for name in (LOCATIONS, CANDIDATE_LOGITS))
    variances = np.broadcast_to(np.array(PRIOR_SCALING, np.float32), centers.shape)
    priors = np.stack([to_corners(centers)[:, _XY].ravel(), variances.ravel()])[np.newaxis]
    flat = operations.constant(np.array([0, -1]))
    xy = operations.gather(locations, operations.constant(_XY), operations.constant(2))
    detections = operations.detection_output(
        operations.reshape(xy, flat, special_zero=True),
        operations.reshape(operations.softmax(logits, axis=2), flat, special_zero=True),
        operations.constant(priors.astype(np.float32)),
        {
            "background_label_id": 0,
            "top_k": MAX_CANDIDATES_PER_CLASS,
            "keep_top_k": [-1],
            "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
            "share_location": True,
            "nms_threshold": OVERLAP_THRESHOLD,
            "confidence_threshold": SCORE_THRESHOLD,
            "clip_before_nms": True,
            "normalized": True,
        },
    )
    return ov.Model([detections], model.get_parameters(), "detections")
