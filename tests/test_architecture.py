"""The architecture: which folder imports which, what needs neither TensorFlow nor pytest, how long a file may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 300  # lines
ORDER = (  # of ssd_core's folders and files: each imports only what stands before it
    *("errors", "files", "garbage", "console", "quiet", "precisions"),
    *("network", "stats", "profiling", "machine"),
    *("images", "coco", "graph", "demo"),
    *("backends", "worker"),
    *("results", "verdicts", "scenarios", "output", "html", "scale"),
    *("upstream", "launch_benchmark", "__main__"),
)
WITHOUT_TENSORFLOW = ("stats", "results", "verdicts", "output", "machine", "upstream")


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path} imports by a relative name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(path: Path) -> str:
    """The folder of ssd_core that a file is in, or the file."""
    first = path.relative_to(ROOT / "ssd_core").parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("path", sources("ssd_core"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_imports_only_what_stands_before_it(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        return
    for name in imports(path):
        if name.startswith("ssd_core."):
            other = name.split(".")[1]
            if other not in ORDER:  # of the package itself, such as its version
                assert not (ROOT / "ssd_core" / other).exists()
            else:
                assert ORDER.index(other) <= ORDER.index(part), f"{part} imports {name}"


def test_every_folder_has_its_place() -> None:
    parts = {part_of(path) for path in sources("ssd_core")} - {"__init__"}
    assert parts == set(ORDER)


def test_the_library_knows_neither_pytest_nor_its_plugins() -> None:
    for path in sources("ssd_core"):
        assert not [name for name in imports(path) if name.partition(".")[0] in ("pytest", "_pytest", "fixtures")], path


def test_what_a_run_begins_with_imports_no_tensorflow() -> None:
    modules = [
        str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
        for path in sources("fixtures", *(f"ssd_core/{part}" for part in WITHOUT_TENSORFLOW))
        if path.name != "__init__.py"
    ]
    assert len(modules) > 50
    program = (
        f"import importlib, sys; [importlib.import_module(m) for m in {modules}]; print('tensorflow' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said.strip() == "False"


@pytest.mark.parametrize("folder", ["ssd_core", "fixtures", "bench", "tests"])
def test_no_file_is_too_long(folder: str) -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources(folder)}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}
