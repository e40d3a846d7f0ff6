"""The package's source files, and what they import of each other: to hold a key of made things against."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import ssd_core

ROOT = Path(ssd_core.__file__).parent


def reached_from(names: Iterable[str]) -> set[str]:
    """The sources `names`, and all that these import, anywhere in them, and so on: as paths below ssd_core."""
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            waiting += _imported(name)
    return reached


def _imported(name: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ssd_core"):
            parts = node.module.split(".")[1:]
            for path in ("/".join([*parts, alias.name]) + ".py" for alias in node.names):
                found = path if (ROOT / path).is_file() else "/".join(parts) + ".py"
                if (ROOT / found).is_file():
                    yield found
