"""The backends: TensorFlow, and the runtimes that it is compared with; which are installed, and how one is opened."""

from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ssd_core.errors import UserError
from ssd_core.precisions import PRECISIONS

if TYPE_CHECKING:
    from ssd_core.backends.protocol import Opening, Session


@dataclass(frozen=True)
class Backend:
    """A row of the registry. `session` names the class that is called with an Opening, as `module:class`."""

    name: str
    precisions: tuple[str, ...]
    session: str
    packages: tuple[str, ...] = ()
    """What has to be installed for it, and its version in results."""
    own_settings: tuple[tuple[int, int], ...] = ()
    """Pairs of streams and requests per stream that it takes besides those that all backends take."""

    @property
    def module(self) -> str:
        """The module of its session; a peer's has `make(network, images, folder)` as well, which makes its models."""
        return self.session.partition(":")[0]


_BACKENDS = (
    Backend("tensorflow", tuple(PRECISIONS), "ssd_core.backends.tensorflow.session:InferenceSession"),
    Backend(
        "openvino",
        ("fp32", "bf16", "int8"),
        "ssd_core.backends.openvino:OpenVinoSession",
        ("openvino", "nncf"),
        ((0, 1), (0, 2)),  # its throughput hint, with as many requests as it advises, and twice as many
    ),
    Backend(
        "onnxruntime",
        ("fp32", "int8"),  # its CPU provider has no bfloat16 convolution
        "ssd_core.backends.onnxruntime:OnnxRuntimeSession",
        ("onnx", "onnxruntime"),
    ),
    Backend("litert", ("fp32", "int8"), "ssd_core.backends.litert:LiteRtSession", ("ai-edge-litert",)),
)
BACKENDS = {backend.name: backend for backend in _BACKENDS}
OURS = "tensorflow"
PEERS = tuple(backend for backend in _BACKENDS if backend.name != OURS)


def missing() -> list[str]:
    """The peers' packages that are not installed."""
    return [name for backend in PEERS for name in backend.packages if find_spec(name.replace("-", "_")) is None]


def require() -> None:
    """UserError where a package of the peers is missing."""
    if absent := missing():
        raise UserError(f"--peers wants {', '.join(absent)}, not installed here: run tox -e peers.")


def versions() -> dict[str, str]:
    """The version of each package of the peers."""
    return {name: metadata.version(name) for backend in PEERS for name in backend.packages}


def open_session(opening: "Opening") -> "Session":
    """Open the network; UserError where the backend refuses it, or is not installed."""
    if opening.backend != OURS:
        require()
    backend = BACKENDS[opening.backend]
    session: Session = getattr(import_module(backend.module), backend.session.partition(":")[2])(opening)
    return session
