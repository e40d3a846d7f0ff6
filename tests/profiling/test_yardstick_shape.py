"""The yardstick's convolution is conv4_2's, and its multiplications are counted."""

from hypothesis import given
from hypothesis import strategies as st

from ssd_core.network.layers import BACKBONE, IMAGE_SIZE, Convolution
from ssd_core.profiling.yardstick_shape import CHANNELS, FAST_SHAPES, KERNEL, MULTIPLY_ADDS, SIZE, multiply_adds


def test_it_is_conv4_2() -> None:
    size = IMAGE_SIZE
    for layer in BACKBONE:
        size = -(-size // layer.stride)
        if layer.name == "conv4/conv4_2":
            break
    assert isinstance(layer, Convolution)
    assert (size, layer.channels_in, layer.channels_out, layer.kernel) == (SIZE, CHANNELS, CHANNELS, KERNEL)
    assert (layer.stride, layer.dilation, layer.padding) == (1, 1, "SAME")
    assert MULTIPLY_ADDS == 38 * 38 * 512 * (512 * 9) == 3_406_823_424


@given(batch_size=st.integers(1, 64), size=st.integers(1, 300))
def test_multiplications_grow_with_the_images_and_with_the_area(batch_size: int, size: int) -> None:
    assert multiply_adds(batch_size, size) == batch_size * multiply_adds(1, size)
    assert multiply_adds(1, 2 * size) == 4 * multiply_adds(1, size)
    assert multiply_adds(1, 1) == CHANNELS * CHANNELS * 9


def test_the_peak_is_looked_for_in_the_yardstick_too_and_in_larger_ones() -> None:
    assert FAST_SHAPES[0] == (1, SIZE)
    assert all(multiply_adds(*shape) > MULTIPLY_ADDS for shape in FAST_SHAPES[1:])
