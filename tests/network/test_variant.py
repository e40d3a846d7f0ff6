"""What a training may choose: the original's choices are the default. That they take effect: `test_build.py`."""

import dataclasses

import numpy as np
import pytest

from ssd_core.network.anchors import default_centers
from ssd_core.network.layers import BACKBONE, NUM_BOXES
from ssd_core.network.variant import ORIGINAL, Variant


def test_the_original_is_the_network_as_it_stands() -> None:
    assert ORIGINAL.backbone == BACKBONE
    assert ORIGINAL.input_offset == (0, 0, 0)
    np.testing.assert_array_equal(ORIGINAL.centers, default_centers())
    assert ORIGINAL.centers.shape == (NUM_BOXES, 4)


def test_what_one_variant_does_to_its_boxes_leaves_the_others_alone() -> None:
    mine = Variant()
    mine.centers[:] = 0
    np.testing.assert_array_equal(Variant().centers, default_centers())
    np.testing.assert_array_equal(ORIGINAL.centers, default_centers())


def test_variants_can_be_told_apart_and_do_not_change() -> None:
    """Two of equal boxes are not compared number by number, which arrays cannot be."""
    assert len({ORIGINAL, Variant(), Variant()}) == 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        ORIGINAL.input_offset = (1.0, 2.0, 3.0)  # type: ignore[misc]
