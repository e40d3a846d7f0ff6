import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ssd_core.scale import records_command


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    records_command.add_parser(parser.add_subparsers(required=True))
    return parser


def run(parser: argparse.ArgumentParser, *arguments: object) -> int:
    args = parser.parse_args(["generate-coco-records", *map(str, arguments)])
    status: int = args.run(args)
    return status


@pytest.mark.parametrize("mark", ["_", "-"])
def test_upstreams_command_line(
    parser: argparse.ArgumentParser, coco: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], mark: str
) -> None:
    flags = [
        f"--{name.replace('_', mark)}" for name in ("image_path", "annotations_file", "output_path", "output_prefix")
    ]
    values = (coco.images, coco.annotations, tmp_path / "out", "test")
    assert run(parser, *(word for pair in zip(flags, values, strict=True) for word in pair)) == 0
    output = capsys.readouterr()
    assert f"Wrote 8 images to {tmp_path}/out/test-00000-of-00001" in output.out
    assert "Left out 2 images without annotations" in output.out
    assert "images/s" in output.err
    assert (tmp_path / "out" / "test-00000-of-00001").is_file()


def test_invalid_images_are_listed_and_the_status_says_so(
    parser: argparse.ArgumentParser, coco: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (coco.images / "2.jpg").write_bytes(b"GIF89a")
    (coco.images / "4.jpg").unlink()
    options = ("--image-path", coco.images, "--annotations-file", coco.annotations, "--output-path", tmp_path / "out")
    assert run(parser, *options, "--skip-invalid", "--include-unannotated") == 1
    output = capsys.readouterr().out
    assert "Wrote 8 images" in output
    assert "without annotations" not in output
    assert "Left out 2 invalid images:\n  2.jpg is not a JPEG file\n  4.jpg cannot be read" in output


def test_images_whose_boxes_are_open_are_counted(
    parser: argparse.ArgumentParser, coco: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    for number in range(1, 8):
        Image.open(coco.images / f"{number}.jpg").save(coco.images / f"{number}.jpg", exif=exif)
    options = ("--image-path", coco.images, "--annotations-file", coco.annotations, "--output-path", tmp_path / "out")
    assert run(parser, *options, "--processes", 1) == 0
    said = "Of 7 images the EXIF orientation shows them otherwise than they are stored"
    assert f"{said} (1.jpg, 2.jpg, 3.jpg, 4.jpg, 5.jpg and 2 more)" in capsys.readouterr().out


def test_what_must_be_given(parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(parser)
    assert caught.value.code == 2
    assert "--annotations-file" in capsys.readouterr().err


def test_help_needs_no_tensorflow() -> None:
    check = "import sys, ssd_core.scale.records_command, ssd_core.coco.evaluate; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=Path(__file__).resolve().parents[2])
