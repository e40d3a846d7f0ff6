"""`python -m ssd_core bfloat16`: a frozen fp32 graph -> a frozen bf16 graph of half its size."""

import argparse
from pathlib import Path
from typing import Any

from ssd_core import quiet
from ssd_core.files import check_target, sha256_of


def add_parser(subparsers: Any) -> None:
    """Add the command to the parser of `python -m ssd_core`."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "bfloat16", help="make a bf16 graph from a frozen fp32 graph", description=__doc__
    )
    parser.add_argument("--in-graph", type=Path, required=True, help="the frozen fp32 graph (.pb or .pbtxt)")
    parser.add_argument("--output", type=Path, required=True, help="where to write the bf16 graph (.pb or .pbtxt)")
    parser.add_argument(
        "--trust-graph", action="store_true", help="load the graph even if it holds operations inference does not need"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert, write the graph and print the table of layers."""
    check_target(args.output)
    quiet.import_tensorflow()  # 6 s, which --help and mistakes do not wait for; so with all that imports it
    from ssd_core.graph.bfloat16 import to_bfloat16
    from ssd_core.graph.frozen import read_graph, write_graph
    from ssd_core.graph.rewrite import layer_table

    narrow, reports = to_bfloat16(read_graph(args.in_graph, args.trust_graph))
    write_graph(narrow, args.output)
    print("\n".join(layer_table(reports)))
    done = sum(report.rewritten for report in reports)
    print(f"{done} of {len(reports)} layers are bf16; sha256 {sha256_of(args.output)[:12]}")
    print(f"wrote {args.output}")
    return 0
