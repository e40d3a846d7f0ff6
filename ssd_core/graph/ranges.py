"""The range that 8 bits of a tensor stand for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """From 0 to `limit` in unsigned levels, else from -`limit` to `limit` in signed ones."""

    unsigned: bool
    limit: float
