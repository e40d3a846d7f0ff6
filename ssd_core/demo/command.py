"""`python -m ssd_core demo`: make the demo model and data, and say where they are."""

import argparse
import time
from pathlib import Path
from typing import Any

from ssd_core import quiet
from ssd_core.demo import places


def add_parser(subparsers: Any) -> None:
    """Add the command to the parser of `python -m ssd_core`."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "demo",
        help="make the demo model and its data in the cache, or find them there",
        description="Make the demo model (fp32 and int8 graphs) and its data (drawn scenes as TFRecords, with their "
        "annotations) in the user's cache folder, or in $SSD_VGG16_CACHE, and print where they are.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build what is missing and print the paths."""
    started = time.monotonic()
    if not places.complete():
        quiet.import_tensorflow()  # 6 s, which a demo that is there does not wait for; so with what imports it
        from ssd_core.demo import build

        build.build()
    rows = [("records", places.records()), ("annotations", places.annotations())]
    rows += [(f"{precision} graph", places.graph(precision)) for precision in places.PRECISIONS]
    for name, path in rows:
        print(f"{name:12} {_megabytes(path):8.1f} MB  {path}")
    print(f"ready after {time.monotonic() - started:.0f} s")
    return 0


def _megabytes(path: Path) -> float:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files) / 1e6
