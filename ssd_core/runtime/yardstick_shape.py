"""The yardstick's convolution in numbers: that of conv4_2, for one image."""

SIZE, CHANNELS, KERNEL = 38, 512, 3  # height and width of the map, channels in and out, height and width of the kernel
MULTIPLY_ADDS = SIZE * SIZE * CHANNELS * CHANNELS * KERNEL * KERNEL
