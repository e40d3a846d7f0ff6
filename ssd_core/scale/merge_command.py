"""`python -m ssd_core merge PART... --output DIR`: puts the parts of all shards together."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from ssd_core.coco.part import Placed, RecordsPart, grouped
from ssd_core.coco.records_part import merge_records
from ssd_core.errors import UserError
from ssd_core.files import replacing, writable_folder
from ssd_core.output import tables
from ssd_core.precisions import PRECISIONS
from ssd_core.results.run import document
from ssd_core.scale.records_command import report
from ssd_core.scenarios.accuracy_part import Merged, merge_detections

RESULTS = "merged.json"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    text = "put the parts of all shards together: the records or the accuracy that one process gives"
    parser = subparsers.add_parser(
        "merge",
        help=text,
        description=(
            "Put the parts of all shards together: the records or the accuracy that one process gives. Every shard has"
            " to be there once, and of the same graph, data and settings."
        ),
        epilog=(
            "Exit status: 0 when all is merged, 1 when the shards left images out (--skip-invalid), 2 for parts that do"
            " not belong together and any other mistake."
        ),
    )
    says = "the folders that the shards wrote, in any order"
    parser.add_argument("parts", nargs="+", type=Path, metavar="PART", help=says)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder to write to")
    parser.add_argument(
        "--annotations-file", type=Path, metavar="FILE", help="COCO annotations (default: where the shards had them)"
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="FIELD",
        help="a field that may differ between the parts, such as `cpu_model`; the last digits may then differ from"
        " those of one process",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Merge, print what came of it, and return the exit status; UserError for parts that do not belong together."""
    groups = grouped(args.parts, args.ignore)
    output = writable_folder(args.output)
    statuses = [
        report(merge_records(group, output), bool(group[0].part.whole["include_unannotated"]))
        for group in groups.values()
        if isinstance(group[0].part, RecordsPart)
    ]
    if detections := [group for group in groups.values() if not isinstance(group[0].part, RecordsPart)]:
        detections.sort(key=lambda group: list(PRECISIONS).index(group[0].part.name))
        _merge_accuracy(detections, output, args.annotations_file)
    return max(statuses, default=0)


def _merge_accuracy(groups: Sequence[Sequence[Placed]], output: Path, annotations_file: Path | None) -> None:
    """Write the detections of each precision and one file of results, and print the 12 numbers."""
    merged = [
        merge_detections(parts, output / f"detections_{parts[0].part.name}.json", annotations_file) for parts in groups
    ]
    if len({str(one.identity["cpu_model"]) for one in merged}) > 1:
        raise UserError("The precisions were measured on unlike machines: merge the parts of each on their own.")
    with replacing(output / RESULTS) as temporary:
        temporary.write_text(_results(merged), encoding="utf-8")
    for line in tables.accuracy([one.result for one in merged]).filled.text():
        print(line)
    print(f"results  {output / RESULTS}")


def _results(merged: Sequence[Merged]) -> str:
    identity: Mapping[str, object] = merged[0].identity
    return document(identity, [one.result for one in merged], ["limits not asked: the run was merged from shards"])
