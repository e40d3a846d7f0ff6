"""The pages of the manual, and the fenced blocks in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MANUAL = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PAGES = (*MANUAL, ROOT / "CONTRIBUTING.md")

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language (`sh`, `yaml`, or nothing) and its text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Where it is."""
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Its commands as written, comments included, the lines of each joined."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


def blocks(language: str) -> Iterator[Block]:
    """Every block of a language in the pages."""
    for page in PAGES:
        text = page.read_text()
        for found in _FENCED.finditer(text):
            if found[1] == language:
                yield Block(str(page.relative_to(ROOT)), text.count("\n", 0, found.start()) + 1, found[1], found[2])


def name(command: str) -> str:
    """A command without its comment and with single spaces."""
    return " ".join(re.sub(r"\s#.*", "", command).split())
