"""`python -m ssd_core generate-coco-records`: the converter's command line, for all images or a shard of them."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ssd_core import quiet
from ssd_core.coco.portion import Portion
from ssd_core.coco.records import IMAGES_PER_SHARD, Summary, write_records
from ssd_core.coco.records_part import write_records_part
from ssd_core.errors import UserError
from ssd_core.scale.client import LOCAL
from ssd_core.scale.records_ray import convert_on

_LISTED = 5

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: "Subparsers") -> None:
    """Add the command `generate-coco-records`; the parsed arguments carry `run`."""
    parser = subparsers.add_parser(
        "generate-coco-records",
        help="convert a folder of COCO images and its annotations to TFRecords",
        description=(
            f"Convert COCO images and their boxes to TFRecord files of {IMAGES_PER_SHARD:,} images each, named"
            " PREFIX-00000-of-00005 and so on. Files appear whole or not at all. After an interruption"
            " run the same command again: it continues after the complete files."
        ),
        epilog=(
            "Exit status: 0 when every image was written, 1 when images were left out by --skip-invalid or something"
            " is wrong, 2 for a wrong command line. Options are also taken with underscores: --image_path."
        ),
    )
    parser.add_argument(
        *("--image-path", "--image_path"), type=Path, required=True, metavar="DIR", help="the folder of the JPEG files"
    )
    parser.add_argument(
        *("--annotations-file", "--annotations_file"),
        type=Path,
        required=True,
        metavar="JSON",
        help="COCO's instances file, such as instances_val2017.json",
    )
    parser.add_argument(
        *("--output-path", "--output_path"), type=Path, required=True, metavar="DIR", help="the folder to write to"
    )
    parser.add_argument(
        *("--output-prefix", "--output_prefix"),
        default="val",
        metavar="PREFIX",
        help="how the files' names begin (default: %(default)s, which is what the benchmarks look for)",
    )
    parser.add_argument(
        *("--include-unannotated", "--include_unannotated"),
        action="store_true",
        help="keep images without annotations (the default leaves them out, and says how many)",
    )
    parser.add_argument(
        *("--skip-invalid", "--skip_invalid"),
        action="store_true",
        help="leave out images that are missing, no JPEG, truncated, or of another size than the annotations say;"
        " they are listed, and the exit status is 1",
    )
    parser.add_argument(
        "--processes", type=int, metavar="N", help="how many processes work at the same time (default: one per CPU)"
    )
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="write only the I-th of N equal shares of the images, as a part for `merge` (for Slurm, Kubernetes, ...)",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help=f"write all shards on the nodes of this Ray cluster, and merge them; {LOCAL} starts one here",
    )
    parser.add_argument(
        "--shards", type=int, metavar="N", help="how many shards with --ray (default: as many as the cluster has CPUs)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert, and print what was written and what was left out; UserError for what is wrong."""
    # Before TensorFlow is loaded: its log lines would break the progress bar, and nothing here uses oneDNN.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    named = (args.image_path, args.annotations_file, args.output_path, args.output_prefix)
    options = {name: getattr(args, name) for name in ("include_unannotated", "skip_invalid", "processes")}
    _check(args)
    if args.ray is not None:
        del options["processes"]
        return report(convert_on(args.ray, args.shards, *named, **options), args.include_unannotated)
    if args.shard is not None:
        portion = Portion.parse(args.shard)
        with quiet.native_code():
            placed = write_records_part(*named, portion, **options)
        print(f"Wrote shard {portion} to {placed.folder}")
        return 0
    with quiet.native_code():
        summary = write_records(*named, **options)
    return report(summary, args.include_unannotated)


def _check(args: argparse.Namespace) -> None:
    """UserError for options that contradict each other."""
    if args.ray is None and args.shards is not None:
        raise UserError("--shards is of --ray: give --ray, too, or --shard I/N for one of N.")
    for option in ("shard", "processes"):
        if args.ray is not None and getattr(args, option) is not None:
            raise UserError(f"--ray shares the work out itself: leave --{option} out.")


def report(summary: Summary, include_unannotated: bool) -> int:
    """Print what a conversion wrote and left out; its exit status."""
    first, last, count = summary.shards[0], summary.shards[-1], len(summary.shards)
    print(f"Wrote {summary.written:,} images to {first}" + (f" … {last.name}, {count} files" if count > 1 else ""))
    if summary.reused_shards:
        print(f"Kept {summary.reused_shards} of the files from an earlier run of the same conversion")
    if not include_unannotated:
        print(f"Left out {summary.unannotated:,} images without annotations (--include-unannotated keeps them)")
    if summary.ambiguous:
        print(
            f"Of {len(summary.ambiguous):,} images the EXIF orientation shows them otherwise than they are stored"
            f" ({_listing(summary.ambiguous)}): their boxes are taken to be of the pixels as stored"
        )
    if summary.invalid:
        print(f"Left out {len(summary.invalid):,} invalid images:", *summary.invalid, sep="\n  ")
    return 1 if summary.invalid else 0


def _listing(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
