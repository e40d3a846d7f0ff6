"""`python -m ssd_core report RUN.json [RUN.json ...] --output FILE.html`: saved runs as a page to look at."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.files import check_target, replacing
from ssd_core.html.page import page
from ssd_core.html.sources import Sources
from ssd_core.results.run import Run, read_run


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    text = "draw saved runs as one HTML page; several are compared with the first"
    parser = subparsers.add_parser("report", help=text, description=text)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSON files that `pytest bench` saved")
    parser.add_argument(
        "--output", type=Path, default=Path("report.html"), metavar="FILE", help="the page (%(default)s)"
    )
    parser.add_argument(
        "--detections", type=Path, metavar="DIR", help="folder of the last run's detections (default: that of its file)"
    )
    parser.add_argument(
        "--data-location", type=Path, metavar="DIR", help="folder of their TFRecords (default: where they were)"
    )
    parser.add_argument(
        "--annotations-file", type=Path, metavar="FILE", help="their COCO annotations (default: beside the TFRecords)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the page and print its path; UserError for a file that is damaged, missing, or cannot be written."""
    check_target(args.output)
    if args.output.resolve() in [path.resolve() for path in args.files]:
        raise UserError(f"{args.output} is one of the runs: give another --output.")
    write([read_run(path) for path in args.files], args.output, _sources(args))
    print(args.output)
    return 0


def write(runs: Sequence[Run], output: Path, sources: Sources) -> None:
    """Write the page of some runs, whole or not at all."""
    text = page(runs, sources)
    with replacing(output) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _sources(args: argparse.Namespace) -> Sources:
    named = (args.detections, args.data_location, args.annotations_file)
    return Sources(*named, required=any(one is not None for one in named))
