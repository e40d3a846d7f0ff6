"""The demo is made once, part by part, each whole or not at all, whoever else is making it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ssd_core.coco.annotations import load
from ssd_core.coco.records import write_records
from ssd_core.demo import build, places
from ssd_core.demo.scenes import write_scenes
from ssd_core.errors import UserError
from ssd_core.graph.contract import identify, operation_counts
from ssd_core.graph.frozen import read_graph
from ssd_core.images.shards import find_shards

ROOT = Path(build.__file__).parents[2]
SCENES = 3


class Made:
    """How often each part was made, and what is to fail while it is made."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.failing: str | None = None

    def watch(self, part: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            self.parts.append(part)
            result = make(*arguments, **named)
            if self.failing == part:
                raise KeyboardInterrupt
            return result

        return watched


@pytest.fixture
def made(cache: Path, monkeypatch: pytest.MonkeyPatch, small_graphs: dict[str, Path]) -> Made:
    """Three scenes and small graphs instead of the demo's; the rest of the way is the demo's own."""
    made = Made()
    monkeypatch.setattr(build, "VALIDATION_SCENES", SCENES)
    monkeypatch.setattr(build, "write_scenes", made.watch("scenes", write_scenes))
    monkeypatch.setattr(build, "write_records", made.watch("records", write_records))
    monkeypatch.setattr(build, "weights_of", lambda _: {})
    monkeypatch.setattr(build, "fp32_graph", made.watch("fp32", lambda _: read_graph(small_graphs["fp32"])))
    int8 = read_graph(small_graphs["int8"])
    monkeypatch.setattr(build, "quantize_with", made.watch("int8", lambda *_: int8))
    return made


ALL = ["scenes", "records", "fp32", "int8"]


def test_everything_is_made_once(made: Made) -> None:
    build.build()
    assert made.parts == ALL
    assert places.complete()
    instances = load(places.annotations())
    assert len(instances.images) == SCENES
    assert len(list((places.scenes() / "val2017").glob("*.jpg"))) == SCENES
    assert len(find_shards(places.records())) == 1
    graphs = {precision: read_graph(places.graph(precision)) for precision in places.PRECISIONS}
    assert {identify(graph).name for graph in graphs.values()} == {"batched"}
    assert operation_counts(graphs["fp32"])["Conv2D"] == 2
    assert operation_counts(graphs["bf16"])["Cast"] >= 2
    assert operation_counts(graphs["int8"])["QuantizedConv2DWithBiasAndReluAndRequantize"] == 2

    stamps = {path: path.stat().st_mtime_ns for path in places.scenes().parent.rglob("*") if path.name != ".lock"}
    build.build()
    assert made.parts == ALL
    assert stamps == {path: path.stat().st_mtime_ns for path in stamps}


@pytest.mark.parametrize("part", ALL)
def test_a_build_that_is_interrupted_leaves_nothing_half_made_and_goes_on_from_there(made: Made, part: str) -> None:
    made.failing = part
    with pytest.raises(KeyboardInterrupt):
        build.build()
    assert not places.complete()
    cache = places.scenes().parent
    whole = {".lock", places.scenes().name} if ALL.index(part) > 1 else {".lock"}
    assert {path.name for path in cache.iterdir()} == whole
    assert not [path for path in cache.rglob("*") if path.suffix == ".part"]

    made.failing = None
    before = len(made.parts)
    build.build()
    assert places.complete()
    again = {"scenes": 0, "records": 0, "fp32": 2, "int8": 2}[part]
    assert made.parts[before:] == ALL[again:]


@pytest.mark.parametrize(
    ("lost", "made_again"),
    [
        ("annotations", ["scenes", "records"]),
        ("records", ["scenes", "records"]),
        ("int8", ["fp32", "int8"]),
    ],
)
def test_what_was_lost_is_made_again_and_the_rest_is_not(made: Made, lost: str, made_again: list[str]) -> None:
    build.build()
    made.parts.clear()
    if lost == "records":
        for path in places.records().iterdir():
            path.unlink()
        places.records().rmdir()
    else:
        (places.annotations() if lost == "annotations" else places.graph(lost)).unlink()
    build.build()
    assert made.parts == made_again
    assert places.complete()


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SSD_VGG16_CACHE", str(tmp_path / "file" / "cache"))
    assert not places.complete()
    with pytest.raises(UserError, match=r"cannot be written to \(Not a directory\): set SSD_VGG16_CACHE to another"):
        build.build()


# A process that builds with makers which only say that they were called; the first waits in the middle of its work.
BUILDER = """
import json, sys
from pathlib import Path
from ssd_core.demo import build, places

def maker(part, path):
    def make():
        print(json.dumps(part), flush=True)
        if sys.argv[1] == "waits" and part == "graphs":
            sys.stdin.readline()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return make

def scenes():
    maker("scenes", places.annotations())()
    places.records().mkdir()

build._build_scenes = scenes
def graphs():
    maker("graphs", places.graph("fp32"))()
    for precision in places.PRECISIONS:
        places.graph(precision).touch()

build._build_graphs = graphs
print(json.dumps("ready"), flush=True)
build.build()
"""


def start(how: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", BUILDER, how]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)


def next_part(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return str(json.loads(process.stdout.readline()))


@pytest.mark.parametrize("killed", [False, True])
def test_a_second_process_waits_and_makes_what_the_first_one_has_not(cache: Path, killed: bool) -> None:
    with start("waits") as first:
        assert [next_part(first) for _ in range(3)] == ["ready", "scenes", "graphs"]
        with start("hurries") as second:
            assert next_part(second) == "ready"
            time.sleep(0.5)  # long enough for it to make something, were it not kept waiting
            if killed:
                first.kill()
            told, _ = first.communicate(None if killed else "\n")
            rest, waiting = second.communicate()
    assert f"Another process makes the demo in {cache}: waiting for it." in waiting
    assert [json.loads(line) for line in told.splitlines()] == []
    assert [json.loads(line) for line in rest.splitlines()] == (["graphs"] if killed else [])
    assert places.complete()
