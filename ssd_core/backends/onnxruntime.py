"""ONNX Runtime: the network as an ONNX model, quantized by its own tool, its detections by NonMaxSuppression."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from ssd_core.backends.onnx_model import fix_batch, network_model, with_detections
from ssd_core.backends.peer import PeerSession, Rows
from ssd_core.backends.protocol import Opening
from ssd_core.backends.raw_network import Network
from ssd_core.errors import UserError
from ssd_core.files import replacing, sha256_of
from ssd_core.graph.contract import INPUT, Detections
from ssd_core.network.anchors import Floats

FILES = {"fp32": "onnxruntime_fp32.onnx", "int8": "onnxruntime_int8.onnx"}
_NORMALIZATION = ("ReduceL2", "Max", "Reciprocal", "Mul")  # stays fp32: one empty position would widen its ranges
_QUIET = 3  # errors only


def make(network: Network, images: Sequence[Floats], folder: Path) -> None:
    """Make the models of every precision in `folder`; int8 is calibrated on images [1, 300, 300, 3]."""
    convert(network, folder / FILES["fp32"])
    quantize(folder / FILES["fp32"], images, folder / FILES["int8"])


def convert(network: Network, target: Path) -> None:
    """Write the network as an ONNX model."""
    with replacing(target) as temporary:
        onnx.save(network_model(network), temporary)


def quantize(model: Path, images: Sequence[Floats], target: Path) -> None:
    """Quantize a model on images [1, 300, 300, 3]: unsigned activations, signed weights with per-channel scales."""
    with replacing(target) as temporary:
        quantize_static(
            model,
            temporary,
            _Images(images),
            nodes_to_exclude=[node.name for node in onnx.load(model).graph.node if node.op_type in _NORMALIZATION],
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


class _Images(CalibrationDataReader):  # type: ignore[misc] # ONNX Runtime ships no types
    """Hands out calibration images one by one."""

    def __init__(self, images: Sequence[Floats]) -> None:
        self._waiting: Iterator[Floats] = iter(images)

    def get_next(self) -> dict[str, Floats] | None:
        """The next image; None after the last."""
        images = next(self._waiting, None)
        return None if images is None else {INPUT: images}


class OnnxRuntimeSession(PeerSession):
    """A session for each stream, with its share of the threads; each gives one call."""

    def __init__(self, opening: Opening) -> None:
        path = opening.model / FILES[opening.precision]
        model = onnx.load(path)
        if opening.scope == "detections":
            model = with_detections(model, np.load(opening.model / "centers.npy"))
        fix_batch(model, opening.batch_size)
        counts = dict(Counter(node.op_type for node in model.graph.node).most_common())
        super().__init__(opening, sha256_of(path), counts)
        options = ort.SessionOptions()
        options.log_severity_level = _QUIET
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = opening.num_intra_threads
        serialized = model.SerializeToString()
        try:
            sessions = [
                ort.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])
                for _ in range(opening.streams)
            ]
        except Exception as error:  # its exceptions share no other class
            raise UserError(f"ONNX Runtime {ort.__version__} refuses {path}: {str(error).splitlines()[0]}.") from error
        self.calls = tuple(_call(session) for session in sessions)

    def _detections(self, outputs: list[npt.NDArray[Any]]) -> list[Detections]:
        indices, scores, boxes = outputs

        def rows_of(image: int) -> Rows:
            of = indices[:, 0] == image
            return indices[of, 1] + 1, scores[of], boxes[of]

        return self._detections_of(rows_of)


def _call(session: Any) -> Any:
    return lambda images: session.run(None, {INPUT: images})
