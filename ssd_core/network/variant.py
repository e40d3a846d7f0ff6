"""What may differ between two trainings of SSD300-VGG16: padding, default boxes and how the input is centred."""

from dataclasses import dataclass, field

from ssd_core.network.anchors import Floats, default_centers
from ssd_core.network.layers import BACKBONE, Layer


@dataclass(frozen=True, eq=False)
class Variant:
    """The defaults are the original's choices.

    `centers` are the default boxes [8732, 4] as centre y, centre x, height, width in fractions of the image;
    `input_offset` is added to the blue, green and red of an image whose means were subtracted already.
    """

    backbone: tuple[Layer, ...] = BACKBONE
    centers: Floats = field(default_factory=default_centers)
    input_offset: tuple[float, float, float] = (0.0, 0.0, 0.0)


ORIGINAL = Variant()
