"""`python -m ssd_core demo`: make the demo model and data, and say where they are; `demo train`: train it anew."""

import argparse
import time
from pathlib import Path
from typing import Any

from ssd_core import quiet
from ssd_core.demo import known, places
from ssd_core.files import check_target, sha256_of
from ssd_core.images.shards import find_shards


def add_parser(subparsers: Any) -> None:
    """Add the command to the parser of `python -m ssd_core`."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "demo",
        help="make the demo model and its data in the cache, or find them there",
        description="Make the demo model (a graph for each precision) and its data (drawn scenes as TFRecords, with "
        "their annotations) in the user's cache folder, or in $SSD_VGG16_CACHE, and print where they are. Files have "
        "the same bits on every machine: their sha256 are compared with the known ones.",
    )
    parser.set_defaults(run=run)
    commands = parser.add_subparsers(title="for maintainers", metavar="{train}")
    training: argparse.ArgumentParser = commands.add_parser(
        "train",
        help="train the demo model anew (about three minutes)",
        description="Train the demo model on drawn scenes and write the file that ships with the package. Then run "
        "`python -m ssd_core demo`, put the sha256 that it prints into ssd_core/demo/known.py, and commit both.",
    )
    training.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write it (default: learnt.npz in ssd_core/demo)"
    )
    training.set_defaults(run=run_training)


def run(_: argparse.Namespace) -> int:
    """Build what is missing, print the paths, and tell which files differ from those of other machines."""
    started = time.monotonic()
    if not places.complete():
        quiet.import_tensorflow()  # 6 s, which a demo that is there does not wait for; so with what imports it
        from ssd_core.demo import build

        build.build()
    rows = [("records", places.records()), ("annotations", places.annotations())]
    rows += [(f"{precision} graph", places.graph(precision)) for precision in places.PRECISIONS]
    others = []
    for name, path in rows:
        file = find_shards(path)[0] if path.is_dir() else path
        digest = sha256_of(file)
        if digest != known.SHA256[name]:
            others.append(name)
        print(f"{name:12} {_megabytes(path):8.1f} MB  sha256 {digest[:12]}  {path}")
    if others:
        print(f"Not the known bits: {', '.join(others)}. {known.CAUSE}")
    else:
        print("These are the known bits, the same on every machine.")
    print(f"ready after {time.monotonic() - started:.0f} s")
    return 0


def run_training(args: argparse.Namespace) -> int:
    """Train and write the file that ships."""
    quiet.import_tensorflow()  # so with what imports it
    from ssd_core.demo import learnt, train

    path: Path = args.output or learnt.FILE
    check_target(path)
    train.train().write(path)
    print(f"wrote {path}: {_megabytes(path):.1f} MB, sha256 {sha256_of(path)[:12]}")
    return 0


def _megabytes(path: Path) -> float:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files) / 1e6
