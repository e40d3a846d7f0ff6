"""A thin network for the peers, and its models; what needs them is skipped where their packages are not here."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ssd_core.backends import registry
from ssd_core.backends.protocol import Opening, Session
from ssd_core.backends.registry import open_session
from ssd_core.errors import UserError
from ssd_core.graph.contract import BATCHED_OUTPUTS, INPUT
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS
from ssd_core.network.anchors import default_centers
from ssd_core.network.detections import BACKGROUND_OFFSET, detect_candidates
from ssd_core.network.layers import FEATURE_MAPS

CLASSES = 5
WIDTH = 8
GraphDef = Any
Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def peers() -> None:
    """Skips a test where the peers' packages are missing."""
    try:
        registry.require()
    except UserError as error:
        pytest.skip(f"{error} Its tests run with tox -e peers-tests.")


@pytest.fixture(scope="session")
def thin_graph() -> GraphDef:
    """A graph as `export-graph` writes them: every default box, but one convolution, and poolings, for a backbone."""
    import tensorflow as tf

    random = np.random.default_rng(4)
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [None, 300, 300, 3], name=INPUT)
        current = _convolution(images, random, "first", 3, WIDTH, 8, 0.02)
        current = tf.nn.relu(current, name="first/Relu")
        squares = tf.maximum(tf.reduce_sum(tf.square(current), axis=-1, keepdims=True), 1e-10)
        maps = [current * tf.math.rsqrt(squares) * random.uniform(5, 12, WIDTH).astype(np.float32)]
        for place, size in enumerate(m.size for m in FEATURE_MAPS[1:]):
            window, padding = (3, "VALID") if size == 1 else (2, "SAME")
            current = tf.nn.max_pool2d(current, window, 2, padding, name=f"pool{place}")
            maps.append(current)
        rows: dict[str, list[Any]] = {LOCATIONS: [], CANDIDATE_LOGITS: []}
        for i, (features, of) in enumerate(zip(maps, FEATURE_MAPS, strict=True)):
            assert features.shape[1] == of.size
            for (name, found), width in zip(rows.items(), (4, CLASSES), strict=True):
                bias = np.zeros((of.boxes_per_cell, width), np.float32)
                if name == CANDIDATE_LOGITS:
                    bias[:, 0] = 4 + BACKGROUND_OFFSET
                head = _convolution(features, random, f"{name}_{i}", WIDTH, bias.size, 1, 0.05, bias.ravel())
                found.append(tf.reshape(head, [-1, of.size**2 * of.boxes_per_cell, width], name=f"{name}_{i}/boxes"))
        raw = [tf.concat(found, axis=1, name=name) for name, found in rows.items()]
        for tensor, name in zip(detect_candidates(raw[0], raw[1], default_centers()), BATCHED_OUTPUTS, strict=True):
            tf.identity(tensor, name=name)
    return graph.as_graph_def()


def _convolution(
    images: Any, random: np.random.Generator, name: str, inputs: int, outputs: int, stride: int, scale: float,
    bias: Floats | None = None,
) -> Any:  # fmt: skip
    import tensorflow as tf

    kernel = random.normal(0, scale, (3, 3, inputs, outputs)).astype(np.float32)
    output = tf.nn.conv2d(images, kernel, stride, "SAME", name=f"{name}/Conv2D")
    return tf.nn.bias_add(output, np.zeros(outputs, np.float32) if bias is None else bias, name=f"{name}/BiasAdd")


@pytest.fixture(scope="session")
def thin_images() -> Floats:
    """Three smooth images [3, 300, 300, 3], so that not every box is something."""
    random = np.random.default_rng(6)
    coarse = random.uniform(-120, 150, (3, 10, 10, 3))
    return coarse.repeat(30, axis=1).repeat(30, axis=2).astype(np.float32)


@pytest.fixture(scope="session")
def thin_path(thin_graph: GraphDef, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The thin graph as a file."""
    path = tmp_path_factory.mktemp("thin") / "fp32.pb"
    path.write_bytes(thin_graph.SerializeToString())
    return path


@pytest.fixture(scope="session")
def thin_models(peers: None, thin_path: Path, thin_images: Floats, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the thin graph's models."""
    from ssd_core.backends import models

    patch = pytest.MonkeyPatch()
    patch.setenv("SSD_VGG16_CACHE", str(tmp_path_factory.mktemp("cache")))
    patch.setattr(models, "_calibration_images", lambda location: [thin_images[i : i + 1] for i in range(3)])
    with patch.context():
        folder = models.make(thin_path, None)
    patch.undo()
    return folder


@pytest.fixture
def opened(thin_models: Path) -> Any:
    """Opens a peer's session on the thin network; all are closed in the end."""
    sessions: list[Session] = []

    def opened(runtime: Any, precision: str = "fp32", end: Any = "network", **more: Any) -> Session:
        sizes: dict[str, Any] = {"batch_size": 3} | more
        sessions.append(open_session(Opening(runtime, thin_models, precision, end, **sizes)))
        return sessions[-1]

    yield opened
    for session in sessions:
        session.close()
