"""SSD300-VGG16 inference on CPUs: the network, its graphs, and how they are measured. Knows no pytest."""

__version__ = "0.2.0"
