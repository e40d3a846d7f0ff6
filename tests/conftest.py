"""What several rooms' tests share: the seeded weights, and the original's numbers where they are at hand.

How the seeded weights are drawn and what each array is: `shared/golden/README.md` beside the repository.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ssd_core.network import layers

GOLDEN = Path(__file__).resolve().parents[2] / "shared" / "golden" / "golden.npz"
Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def golden() -> Mapping[str, Floats]:
    """The original program's numbers; the test is skipped where the folder `shared` is not beside the repository."""
    if not GOLDEN.is_file():
        pytest.skip(f"the original's numbers are not here ({GOLDEN})")
    with np.load(GOLDEN) as arrays:
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
