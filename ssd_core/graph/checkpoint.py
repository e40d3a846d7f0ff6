"""A TensorFlow 1 checkpoint of SSD.TensorFlow -> the network's weights, by name.

File format: the tensor bundle that `tf.compat.v1.train.Saver` writes (PREFIX.index and PREFIX.data-*), or the single
file of its first version.
"""

import os
from pathlib import Path
from typing import Any

import tensorflow as tf  # it takes 6 s to import

from ssd_core.errors import UserError
from ssd_core.files import exists, is_folder, reading
from ssd_core.network.layers import MODEL_SCOPE, NUM_CLASSES, Weights, variable_shapes

_FIRST_KERNEL = "/conv1/conv1_1/kernel"
_OPTIMIZER_SLOTS = ("/Momentum", "/Adam", "/Adam_1", "/RMSProp", "/RMSProp_1", "/Adagrad", "/Ftrl", "/Ftrl_1")
_TRAINING_STATE = ("global_step", "beta1_power", "beta2_power", "learning_rate", "global_step/cond")


def checkpoint_weights(prefix: Path, num_classes: int = NUM_CLASSES, scope: str = MODEL_SCOPE) -> Weights:
    """Read the 71 variables of the network; the variables of an optimizer are ignored.

    UserError names a missing, extra or misshapen variable, or says that there is no checkpoint.
    """
    reader = _open(prefix)
    shapes = {n: tuple(s) for n, s in reader.get_variable_to_shape_map().items() if not _of_training(n, scope)}
    expected = variable_shapes(num_classes, scope)
    if not expected.keys() & shapes.keys():
        raise UserError(f"{prefix} {_stranger(sorted(shapes), scope)}")
    for name, shape in expected.items():
        if name not in shapes:
            raise UserError(f"{prefix} has no variable {name}: it is of another model, or incomplete.")
        if shapes[name] != shape:
            classes = ": pass its number of classes as --num-classes" if "/cls_" in name else ""
            raise UserError(f"{prefix} has {name} of shape {shapes[name]} where SSD300-VGG16 has {shape}{classes}.")
    if extra := sorted(shapes.keys() - expected.keys()):
        raise UserError(f"{prefix} has the variable {extra[0]}, which SSD300-VGG16 does not: it is of another model.")
    try:
        return {name: reader.get_tensor(name).astype("float32") for name in expected}
    except (
        tf.errors.OpError,
        IndexError,
        RuntimeError,
        ValueError,
    ) as error:  # the reader turns some of its errors into these
        raise UserError(f"{prefix} is damaged ({str(error).splitlines()[0]}): copy it again.") from error


def _open(prefix: Path) -> Any:
    if not is_folder(prefix):
        index = prefix.with_name(f"{prefix.name}.index")
        with reading(f"The checkpoint {prefix}", "give the path of its .index file without that ending"):
            (index if exists(index) else prefix).open("rb").close()
    try:
        if is_folder(prefix):
            return tf.train.load_checkpoint(str(prefix))
        return tf.compat.v1.train.NewCheckpointReader(os.fsencode(prefix))
    except (ValueError, tf.errors.OpError, RuntimeError) as error:
        raise UserError(
            f"{prefix} is not a TensorFlow checkpoint: give PREFIX of PREFIX.index and PREFIX.data-*."
        ) from error


def _of_training(name: str, scope: str) -> bool:
    """Whether a variable belongs to an optimizer or to the training loop, not to the network."""
    local = name.removeprefix(f"{scope}/")
    return name.endswith(_OPTIMIZER_SLOTS) or name in _TRAINING_STATE or local in _TRAINING_STATE


def _stranger(names: list[str], scope: str) -> str:
    """The message for a checkpoint that has none of the network's variables."""
    for name in names:
        if name.endswith(_FIRST_KERNEL):
            return f"has no model scope {scope}: pass --model-scope {name.removesuffix(_FIRST_KERNEL)}."
    shown = ", ".join(names[:3]) or "nothing but an optimizer's variables"
    return (
        f"is a checkpoint of another model: it has {shown}, and none of SSD300-VGG16's {scope}/conv1/conv1_1/kernel …"
    )
