"""The runtimes that the network is set beside: which there are, whether they are here, and how one is opened."""

from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from ssd_core.errors import UserError

if TYPE_CHECKING:
    from ssd_core.backends.peer import PeerSession

RuntimeName = Literal["openvino", "onnxruntime"]
RUNTIMES: tuple[RuntimeName, ...] = get_args(RuntimeName)
PRECISIONS: dict[RuntimeName, tuple[str, ...]] = {
    "openvino": ("fp32", "bf16", "int8"),
    "onnxruntime": ("fp32", "int8"),  # its CPU provider has no bfloat16 convolution
}
OWN_SETTINGS: dict[RuntimeName, tuple[tuple[int, int], ...]] = {
    "openvino": ((0, 1), (0, 2)),  # its throughput hint, as many requests as it advises, and twice as many
    "onnxruntime": (),
}
"""Streams and requests a stream that a runtime can be opened with besides those that all can be."""
End = Literal["network", "detections"]
ENDS: tuple[End, ...] = get_args(End)
"""Where a network ends: at its raw predictions, or at the detections that are made of them."""
_PACKAGES = ("openvino", "nncf", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Opening:
    """How a peer's network is opened: equal openings are the same session.

    `folder` is where `models.make` left its models. `streams` batches are run side by side, on `threads` threads in
    all; 0 leaves their number to the runtime, which only OpenVINO decides. So many requests a stream are under way at
    a time: with more than one none waits for Python between two.
    """

    runtime: RuntimeName
    folder: Path
    precision: str
    end: End
    batch_size: int
    threads: int
    streams: int = 1
    requests_a_stream: int = 1


def missing() -> list[str]:
    """The packages that are not here."""
    return [name for name in _PACKAGES if find_spec(name) is None]


def require() -> None:
    """UserError where a package of the peers is missing."""
    if absent := missing():
        raise UserError(f"--peers wants {', '.join(absent)}, not installed here: run tox -e peers.")


def versions() -> dict[str, str]:
    """The version of each package."""
    return {name: metadata.version(name) for name in _PACKAGES}


def open_session(opening: Opening) -> "PeerSession":
    """Open a peer's network; UserError where the runtime refuses it."""
    require()
    if opening.runtime == "openvino":
        from ssd_core.backends.openvino import OpenVinoSession

        return OpenVinoSession(opening)
    from ssd_core.backends.onnxruntime import OnnxRuntimeSession

    return OnnxRuntimeSession(opening)
