"""A model made as the demo's is, of few scenes and with little training, and the scenes that its backbone saw."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ssd_core.demo.learnt import Learnt
from ssd_core.files import CACHE_VARIABLE

Floats = npt.NDArray[np.float32]
GUIDE_SCENES, TRAINING_SCENES = 2, 2


@dataclass(frozen=True)
class TinyModel:
    """What was learnt, its weights by variable name, and the images [2, 300, 300, 3] that its backbone saw."""

    learnt: Learnt
    weights: dict[str, Floats]
    guides: Floats


@pytest.fixture(scope="session")
def tiny_model() -> TinyModel:
    """`train` with two guide scenes and two training scenes, and with fewer samples and steps than the demo's."""
    from ssd_core.demo import backbone, heads, inputs, train, weights

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbone, "_SAMPLES", 200)
        patch.setattr(heads.train_head, "__defaults__", ((4, 3),))
        patch.setattr(train, "CALIBRATION_SCENES", 1)
        learnt = train.train(GUIDE_SCENES, TRAINING_SCENES)
        guides = inputs.prepared([train._drawn(train._FIRST_GUIDE_SEED + i)[0] for i in range(GUIDE_SCENES)])
        return TinyModel(learnt, weights.weights_of(learnt), guides)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"
