"""A model made as the demo's is, of few scenes and with little training, and the scenes that its backbone saw."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ssd_core.files import CACHE_VARIABLE

Floats = npt.NDArray[np.float32]
GUIDE_SCENES, TRAINING_SCENES = 2, 2


@dataclass(frozen=True)
class TinyModel:
    """Weights by variable name, and the images [2, 300, 300, 3] that the backbone was laid on."""

    weights: dict[str, Floats]
    guides: Floats


@pytest.fixture(scope="session")
def tiny_model() -> TinyModel:
    """`make_weights` of two guide scenes and two training scenes, with fewer samples and steps than the demo's."""
    from ssd_core.demo import backbone, heads, model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbone, "_SAMPLES", 200)
        patch.setattr(heads.train_head, "__defaults__", ((4, 3),))
        weights = model.make_weights(GUIDE_SCENES, TRAINING_SCENES)
        images, _ = model._scenes(model._FIRST_GUIDE_SEED, GUIDE_SCENES, "guide scenes")
        return TinyModel(weights, model._prepared(images))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"
