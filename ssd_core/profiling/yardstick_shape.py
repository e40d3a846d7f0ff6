"""The yardstick's convolution in numbers: that of conv4_2, for one image."""

SIZE, CHANNELS, KERNEL = 38, 512, 3  # height and width of the map, channels in and out, height and width of the kernel
FAST_SHAPES = ((1, SIZE), (8, SIZE), (1, 75))  # batch and size of convolutions that reach the machine's peak


def multiply_adds(batch_size: int, size: int) -> int:
    """Of the same convolution on a batch, or on a map of another size."""
    return batch_size * size * size * CHANNELS * CHANNELS * KERNEL * KERNEL


MULTIPLY_ADDS = multiply_adds(1, SIZE)
