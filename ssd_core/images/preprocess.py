"""An encoded image made ready for the network, as the original did it: resized, BGR, means subtracted.

TensorFlow is imported when a function is called, so that `MEANS_RGB` costs nothing.
"""

from typing import Any

from ssd_core.network.layers import IMAGE_SIZE

Tensor = Any

MEANS_RGB = (123.68, 116.78, 103.94)


def preprocess(encoded: Tensor) -> Tensor:
    """A JPEG's bytes -> float32 [300, 300, 3], BGR, means subtracted; greyscale and CMYK become RGB first.

    The decoder is left at its defaults (the fast integer DCT, smooth chroma), which is what the original used and what
    its published accuracy is based on: the accurate DCT differs by up to 5 grey levels.
    """
    import tensorflow as tf  # it takes 6 s to import

    return network_input(tf.io.decode_jpeg(encoded, channels=3))


def network_input(rgb: Tensor) -> Tensor:
    """An RGB image, uint8 [height, width, 3] -> float32 [300, 300, 3], BGR, means subtracted.

    Source: TensorFlow 1's bilinear resize, whose sampling points are not centred on the pixels.
    """
    import tensorflow as tf  # it takes 6 s to import

    resized = tf.raw_ops.ResizeBilinear(  # takes uint8 and gives float32, the same numbers as after a cast
        images=rgb[tf.newaxis], size=[IMAGE_SIZE, IMAGE_SIZE], align_corners=False, half_pixel_centers=False
    )
    # Not [..., ::-1], which takes four times as long, half of all that is done after decoding.
    return tf.reverse(resized[0], [-1]) - tf.constant(MEANS_RGB[::-1], tf.float32)
