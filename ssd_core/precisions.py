"""The precisions: one row each. To add one, add a row, its yardstick (`profiling/yardstick.py`) and its graph."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Precision:
    """What is known of a precision."""

    name: str
    kernels: str
    """oneDNN's name for the data type of its convolutions, which proves that they ran in it."""
    tensor_types: frozenset[str]
    """TensorFlow's names of its tensors' data types."""
    without: str
    """What to do when no such kernel ran."""
    cpu_flags: frozenset[str] = frozenset()
    """Flags of /proc/cpuinfo, one of which a CPU has that does not emulate it; none where every CPU runs it."""
    allocator: Literal["malloc", "tcmalloc"] = "malloc"
    """The allocator that it runs fastest with."""
    by_default: bool = True
    """Whether a run measures it where no precision is asked for."""

    def runs_on(self, isa_flags: Collection[str]) -> bool:
        """Whether a CPU with these flags has instructions for it."""
        return not self.cpu_flags or not self.cpu_flags.isdisjoint(isa_flags)


_ROWS = (
    Precision("fp32", "f32", frozenset({"float32"}), "give a graph that is not quantized"),
    Precision(
        "bf16",
        "bf16",
        frozenset({"bfloat16"}),
        "give a graph such as `python -m ssd_core bfloat16` makes",
        cpu_flags=frozenset({"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16", "svebf16"}),
        by_default=False,
    ),
    Precision(
        "int8",
        "int8",
        frozenset({"quint8", "qint8", "uint8", "int8"}),
        "give a graph that is quantized, such as `python -m ssd_core quantize` makes",
        allocator="tcmalloc",
    ),
)
PRECISIONS = {precision.name: precision for precision in _ROWS}
DEFAULT = tuple(precision.name for precision in _ROWS if precision.by_default)
REFERENCE = "fp32"
"""What speed-ups, AP losses and detection agreement are over."""


def of_tensor_type(data_type: str) -> str:
    """The precision of a tensor of a TensorFlow data type, or the type itself where it is none."""
    return next((precision.name for precision in _ROWS if data_type in precision.tensor_types), data_type)
