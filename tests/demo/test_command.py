"""`python -m ssd_core demo`: makes what is missing, and says where everything is."""

import argparse
import shutil
from pathlib import Path

import pytest

from ssd_core import quiet
from ssd_core.__main__ import main
from ssd_core.demo import build, command, known, places
from ssd_core.errors import UserError
from ssd_core.files import CACHE_VARIABLE, sha256_of


def demo() -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["demo"])
    status: int = parsed.run(parsed)
    return status


def make_all() -> None:
    places.records().mkdir(parents=True)
    (places.records() / "val-00000-of-00001").write_bytes(b"\0" * 3_000_000)
    for path in (places.annotations(), *map(places.graph, places.PRECISIONS)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" * 200_000)


def test_paths_and_sizes_are_told_and_nothing_is_made_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_all()
    monkeypatch.delattr(build, "build")
    monkeypatch.setitem(known.SHA256, "int8 graph", sha256_of(places.graph("int8")))
    assert demo() == 0
    lines = capsys.readouterr().out.splitlines()
    expected = {"records": (3.0, places.records()), "annotations": (0.2, places.annotations())}
    expected |= {f"{precision} graph": (0.2, places.graph(precision)) for precision in places.PRECISIONS}
    for line, (name, (megabytes, path)) in zip(lines, expected.items(), strict=False):
        digest = sha256_of(path / "val-00000-of-00001" if path.is_dir() else path)[:12]
        assert line == f"{name:12} {megabytes:8.1f} MB  sha256 {digest}  {path}"
    assert len(lines) == len(expected) + 2
    # the files of this test are zeros, and only one of them was said to be
    assert lines[-2].startswith(
        "Not the known bits: records, annotations, fp32 graph, bf16 graph. Pillow or TensorFlow"
    )
    assert lines[-1].startswith("ready after ")


def test_what_is_missing_is_made_first(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "build", make_all)
    assert demo() == 0
    assert str(places.graph("int8")) in capsys.readouterr().out


def test_a_user_without_a_home_is_told_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "")
    monkeypatch.delattr(quiet, "import_tensorflow")
    with pytest.raises(UserError, match="SSD_VGG16_CACHE is set and empty"):
        demo()


def test_a_cache_that_is_emptied_meanwhile_is_a_sentence(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_all()

    def emptied() -> bool:
        shutil.rmtree(cache)
        return True

    monkeypatch.setattr(places, "complete", emptied)
    assert main(["demo"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {places.records()} cannot be read (No such file or directory)")
    assert said.count("\n") == 1
