"""What several rooms' tests share: small graphs to run instead of the network, seeded weights, the original's numbers.

How the seeded weights are drawn and what each of the original's arrays is: `golden/README.md`.
"""

import hashlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from PIL import Image

from ssd_core.coco.categories import CATEGORIES
from ssd_core.graph.contract import BATCHED_OUTPUTS, INPUT
from ssd_core.network import layers
from tests.skips import complaints

GOLDEN = Path(__file__).parent / "golden"
Floats = npt.NDArray[np.float32]

signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's background job starts with Ctrl-C ignored
settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.register_profile("thorough", settings.get_profile("untimed"), max_examples=2000)  # 20 times as many
settings.load_profile("untimed")

_BOX = (0.1, 0.2, 0.5, 0.6)
_LABEL = 3.0


@pytest.fixture(autouse=True)
def _no_worker_of_xdist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pytest that a test starts measure, though the tests themselves run with `-n`: it is no worker."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that is skipped for no known reason has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    skipped, ran = ([report.nodeid for report in reporter.getreports(outcome)] for outcome in ("skipped", "passed"))
    reporter.write_line(f"\n{len(skipped)} tests were skipped; tests/skips.py lists why.")
    for complaint in complaints(ran, skipped):
        reporter.write_line(complaint, red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def small_graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """fp32 and int8 graphs of the batched contract: two convolutions that decide the score of one fixed box."""
    from ssd_core.graph.frozen import write_graph
    from ssd_core.graph.quantize import quantize

    folder = tmp_path_factory.mktemp("graphs")
    fp32 = _graph()
    int8, _ = quantize(fp32, [np.random.default_rng(0).uniform(-120, 150, (2, 300, 300, 3)).astype(np.float32)])
    paths = {"fp32": folder / "fp32.pb", "int8": folder / "int8.pb"}
    write_graph(fp32, paths["fp32"])
    write_graph(int8, paths["int8"])
    return paths


def _graph() -> Any:
    import tensorflow as tf

    generator = np.random.default_rng(1)
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [None, 300, 300, 3], name=INPUT)
        features = images
        for name, channels_in, channels_out in (("first", 3, 16), ("second", 16, 16)):
            kernel = generator.normal(0, 0.1, (3, 3, channels_in, channels_out)).astype(np.float32)
            bias = generator.normal(0, 0.1, channels_out).astype(np.float32)
            features = tf.nn.conv2d(features, kernel, 4, "SAME", name=f"{name}/Conv2D")
            features = tf.nn.relu(tf.nn.bias_add(features, bias, name=f"{name}/BiasAdd"), name=f"{name}/Relu")
        score = tf.sigmoid(tf.reduce_mean(features, axis=[1, 2, 3]))[:, tf.newaxis]
        count = tf.shape(images)[:1]
        boxes = tf.tile(tf.constant(_BOX)[tf.newaxis, tf.newaxis], tf.concat([count, [1, 1]], 0))
        found = (boxes, score, tf.fill(tf.concat([count, [1]], 0), _LABEL), tf.fill(count, 1))
        for tensor, name in zip(found, BATCHED_OUTPUTS, strict=True):
            tf.identity(tensor, name=name)
    return graph.as_graph_def()


@pytest.fixture(scope="session")
def noise_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of five images of noise with one object each, where the stand-in detects it."""
    from ssd_core.coco.records import write_records

    folder = tmp_path_factory.mktemp("noise")
    generator = np.random.default_rng(2)
    images, annotations = [], []
    for number in range(1, 6):
        name = f"{number:012d}.jpg"
        Image.fromarray(generator.integers(0, 255, (200, 300, 3), dtype=np.uint8)).save(folder / name)
        images.append({"id": number, "file_name": name, "height": 200, "width": 300})
        truth = {"bbox": [60, 20, 120, 80], "area": 9600, "iscrowd": 0, "category_id": 3}
        annotations.append({"id": number, "image_id": number, **truth})
    categories = [{"id": i, "name": n} for i, n in CATEGORIES]
    document = {"images": images, "annotations": annotations, "categories": categories}
    target = folder / "records"
    target.mkdir()
    (target / "instances_val2017.json").write_text(json.dumps(document))
    write_records(folder, target / "instances_val2017.json", target, "val", progress=False, processes=1)
    return target


@pytest.fixture(scope="session")
def golden() -> Mapping[str, Floats]:
    """The original program's numbers."""
    with np.load(GOLDEN / "golden.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def seeded_weights() -> dict[str, Floats]:
    """All 71 variables, each drawn from a seed that is a digest of its name."""
    weights: dict[str, Floats] = {}
    for name, shape in layers.variable_shapes().items():
        seed = int(hashlib.md5(name.encode()).hexdigest()[:8], 16)
        values = np.random.RandomState(seed).standard_normal(shape)
        if name.endswith("kernel"):
            values *= np.sqrt(2 / np.prod(shape[:3])) * (0.25 if "multibox" in name else 1.0)
        elif name.endswith("bias"):
            values *= 0.05
            if "cls_" in name:
                values.reshape(-1, layers.NUM_CLASSES)[:, 0] += 6
        else:
            values += 20
        weights[name] = values.astype(np.float32)
    return weights


@pytest.fixture(scope="session")
def network_input() -> Floats:
    """One image of noise [1, 300, 300, 3], means subtracted."""
    noise = np.random.RandomState(3).rand(1, 300, 300, 3) * 255
    image: Floats = (noise - np.array([103.939, 116.779, 123.68])).astype(np.float32)
    return image
