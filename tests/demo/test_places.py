"""Where the demo lies: its key changes with the code that makes it, and a part that is missing is missed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssd_core.demo import places
from tests.sources import ROOT, reached_from

LISTS = {"scenes": places._SCENES, "graphs": places._GRAPHS}
MAKERS = {
    "scenes": ("demo/build.py", "demo/scenes.py", "coco/records.py"),
    "graphs": ("demo/build.py", "demo/weights.py", "graph/export.py", "graph/quantize.py", "graph/bfloat16.py"),
}
# These check, name, read, write or calibrate, and decide nothing of what is made.
NEUTRAL = {"errors.py", "files.py", "garbage.py", "demo/places.py", "coco/annotations.py", "coco/journal.py"}
NEUTRAL |= {"graph/calibrate.py", "graph/frozen.py", "graph/operations.py", "graph/session.py"}


def keys() -> dict[str, Path]:
    return {"scenes": places.scenes(), "graphs": places.graph("fp32").parent}


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Path]:
    """A copy of the sources, which a test may change."""
    for name in {name for sources in LISTS.values() for name in sources}:
        (tmp_path / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(places, "_ROOT", tmp_path / "code")
    places.code_digest.cache_clear()
    yield tmp_path / "code"
    places.code_digest.cache_clear()


@pytest.mark.parametrize("name", sorted({name for sources in LISTS.values() for name in sources}))
def test_a_source_that_changes_changes_the_key_of_what_it_makes_and_of_nothing_else(name: str, sources: Path) -> None:
    before = keys()
    with (sources / name).open("ab") as stream:
        stream.write(b"# changed\n")
    places.code_digest.cache_clear()
    after = keys()
    assert {part for part in before if before[part] != after[part]} == {
        part for part, listed in LISTS.items() if name in listed
    }


def test_the_key_is_of_the_contents_not_of_where_they_lie(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = keys()
    monkeypatch.setattr(places, "_ROOT", ROOT)
    places.code_digest.cache_clear()
    assert keys() == copied


@pytest.mark.parametrize("part", sorted(LISTS))
def test_all_that_its_makers_import_is_in_the_key(part: str) -> None:
    listed = set(LISTS[part])
    assert all((ROOT / name).is_file() for name in listed)
    reached = reached_from(name for name in MAKERS[part] if name != "demo/build.py")
    assert reached - NEUTRAL <= listed
    assert set(MAKERS[part]) <= listed


def complete_files() -> list[Path]:
    return [places.annotations(), *(places.graph(precision) for precision in places.PRECISIONS)]


def make_all() -> None:
    places.records().mkdir(parents=True)
    for path in complete_files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_the_demo_is_complete_when_every_part_is_there(cache: Path) -> None:
    assert not places.complete()
    make_all()
    assert places.complete()
    for path in complete_files():
        path.unlink()
        assert not places.complete(), path
        path.touch()
    places.records().rmdir()
    assert not places.complete()


def test_a_cache_that_cannot_be_looked_into_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSD_VGG16_CACHE", "/" + "x" * 300)  # pathlib raises, as it does without permission
    assert not places.complete()


def test_everything_lies_in_the_cache_folder(cache: Path) -> None:
    paths = [places.scenes(), places.annotations(), places.records()]
    paths += [places.graph(precision) for precision in places.PRECISIONS]
    assert all(path.is_relative_to(cache) for path in paths)
    assert len(set(paths)) == len(paths)


def test_asking_imports_no_tensorflow() -> None:
    asked = "from ssd_core.demo import places; places.complete()"
    told = (
        "import sys; print(sorted(name for name in sys.modules if name.partition('.')[0] in ('tensorflow', 'numpy')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{asked}; {told}"], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    assert done.stdout.strip() == "[]"
