"""Portion: what shard I of N takes of a whole, as a function of the whole's size and the two numbers alone."""

import re
from dataclasses import dataclass

from ssd_core.errors import UserError

_WRITTEN = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True)
class Portion:
    """Shard `number` of `of`, counted from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Portion":
        """From `3/8`; UserError if it is none."""
        found = _WRITTEN.fullmatch(text)
        number, of = (int(found[1]), int(found[2])) if found else (0, 0)
        if found is None:
            raise UserError(f"--shard {text} is no shard: write I/N, such as 1/8 for the first of eight.")
        if not 1 <= number <= of:
            ends = f"1/{of} to {of}/{of}" if of else "1/N to N/N"
            raise UserError(f"--shard {text} is out of range: give one of {ends}.")
        return cls(number, of)

    def range(self, count: int, unit: int = 1) -> range:
        """The places that it takes of 0 … `count` - 1: contiguous, and the shards follow one another without a gap.

        Shards begin at multiples of `unit`, such as a batch. Their sizes differ by one unit at most, and the last one's
        by a part of a unit more.
        """
        units = -(-count // unit)
        start, stop = (units * number // self.of * unit for number in (self.number - 1, self.number))
        return range(start, min(stop, count))

    def __str__(self) -> str:
        """As in `3/8`."""
        return f"{self.number}/{self.of}"
