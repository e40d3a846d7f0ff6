"""The original's TensorFlow 1 checkpoints are read by name, and what does not fit is named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ssd_core.errors import UserError
from ssd_core.graph.checkpoint import checkpoint_weights
from ssd_core.network.layers import variable_shapes

Floats = npt.NDArray[np.float32]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(arrays)`: a checkpoint of these variables; its prefix."""

    def write(arrays: dict[str, Floats], name: str = "model.ckpt-120000") -> Path:
        tf.raw_ops.SaveV2(
            prefix=str(tmp_path / name),
            tensor_names=list(arrays),
            shape_and_slices=[""] * len(arrays),
            tensors=list(arrays.values()),
        )
        return tmp_path / name

    return write


@pytest.fixture(scope="module")
def two_classes() -> dict[str, Floats]:
    """All variables of a network of two classes; of the backbone they are one zero each, seen at its shape."""
    return {
        name: np.ones(shape, np.float32) if "multibox" in name else np.broadcast_to(np.float32(0), shape)
        for name, shape in variable_shapes(2).items()
    }


def test_the_savers_checkpoint_is_read_without_the_optimizers_slots(
    seeded_weights: dict[str, Floats], tmp_path: Path
) -> None:
    graph = tf.Graph()
    with graph.as_default():
        variables = {name: tf.compat.v1.get_variable(name, initializer=value) for name, value in seeded_weights.items()}
        for name in ("ssd300/fc7/bias", "ssd300/conv1/conv1_1/kernel"):
            for slot in ("Momentum", "Adam", "Adam_1"):
                tf.compat.v1.get_variable(f"{name}/{slot}", initializer=np.zeros(variables[name].shape, np.float32))
        for name in ("beta1_power", "beta2_power"):
            tf.compat.v1.get_variable(name, initializer=0.9)
        tf.compat.v1.train.create_global_step()
        saver = tf.compat.v1.train.Saver()
        with tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.global_variables_initializer())
            prefix = Path(saver.save(session, str(tmp_path / "model.ckpt"), global_step=7))
    weights = checkpoint_weights(prefix)
    assert weights.keys() == seeded_weights.keys()
    for name, value in weights.items():
        np.testing.assert_array_equal(value, seeded_weights[name])
    assert checkpoint_weights(tmp_path).keys() == weights.keys()  # the folder's latest


def test_another_scope_and_number_of_classes(two_classes: dict[str, Floats], write: Write) -> None:
    prefix = write({name.replace("ssd300", "tower/net", 1): value for name, value in two_classes.items()})
    assert checkpoint_weights(prefix, 2, "tower/net").keys() == variable_shapes(2, "tower/net").keys()
    with pytest.raises(UserError, match="no model scope ssd300: pass --model-scope tower/net"):
        checkpoint_weights(prefix, 2)


def test_another_number_of_classes_is_said(two_classes: dict[str, Floats], write: Write) -> None:
    with pytest.raises(UserError, match=r"multibox_head/cls_0/kernel of shape \(3, 3, 512, 8\).*--num-classes"):
        checkpoint_weights(write(two_classes))


def test_a_missing_variable_is_named(two_classes: dict[str, Floats], write: Write) -> None:
    rest = {name: value for name, value in two_classes.items() if name != "ssd300/fc6/bias"}
    with pytest.raises(UserError, match="has no variable ssd300/fc6/bias"):
        checkpoint_weights(write(rest), 2)


def test_a_misshapen_variable_is_named(two_classes: dict[str, Floats], write: Write) -> None:
    changed = two_classes | {"ssd300/conv4_3_scale/weights": np.zeros(256, np.float32)}
    with pytest.raises(UserError, match=r"has ssd300/conv4_3_scale/weights of shape \(256,\).*has \(512,\)"):
        checkpoint_weights(write(changed), 2)


def test_an_extra_variable_is_named(two_classes: dict[str, Floats], write: Write) -> None:
    changed = two_classes | {"ssd300/conv12/kernel": np.zeros(3, np.float32)}
    with pytest.raises(UserError, match="has the variable ssd300/conv12/kernel, which SSD300-VGG16 does not"):
        checkpoint_weights(write(changed), 2)


def test_a_checkpoint_of_another_model_is_said(write: Write) -> None:
    prefix = write({"resnet/conv1/weights": np.zeros(3, np.float32), "global_step": np.float32(3)})
    with pytest.raises(UserError, match="of another model: it has resnet/conv1/weights, and none of"):
        checkpoint_weights(prefix)


def test_what_is_no_checkpoint_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"checkpoint .*model.ckpt cannot be read \(No such file"):
        checkpoint_weights(tmp_path / "model.ckpt")
    (tmp_path / "model.ckpt.index").write_bytes(b"no index at all")
    with pytest.raises(UserError, match="not a TensorFlow checkpoint"):
        checkpoint_weights(tmp_path / "model.ckpt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="not a TensorFlow checkpoint"):
        checkpoint_weights(tmp_path / "empty")


def test_a_truncated_checkpoint_is_said(two_classes: dict[str, Floats], write: Write) -> None:
    prefix = write(two_classes)
    (data,) = prefix.parent.glob(f"{prefix.name}.data-*")
    with data.open("r+b") as stream:
        stream.truncate(data.stat().st_size // 2)
    with pytest.raises(UserError, match=r"is damaged|not a TensorFlow checkpoint"):
        checkpoint_weights(prefix, 2)
