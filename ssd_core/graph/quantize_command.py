"""`python -m ssd_core quantize`: a frozen fp32 graph and calibration images -> a frozen int8 graph."""

import argparse
from pathlib import Path
from typing import Any

from ssd_core import quiet
from ssd_core.errors import UserError
from ssd_core.files import check_target, sha256_of

DEFAULT_IMAGES = 32
_BATCH = 4


def add_parser(subparsers: Any) -> None:
    """Add the command to the parser of `python -m ssd_core`."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "quantize",
        help="make an int8 graph from a frozen fp32 graph and calibration images",
        description=__doc__,
    )
    parser.add_argument("--in-graph", type=Path, required=True, help="the frozen fp32 graph (.pb or .pbtxt)")
    parser.add_argument(
        "--data-location", type=Path, required=True, help="the folder of val-* TFRecords to calibrate on"
    )
    parser.add_argument("--output", type=Path, required=True, help="where to write the int8 graph (.pb or .pbtxt)")
    parser.add_argument(
        "--calibration-images", type=int, default=DEFAULT_IMAGES, help="how many images to run (default %(default)s)"
    )
    parser.add_argument(
        "--calibration",
        choices=("minmax", "percentile", "entropy"),
        help="how the range is computed from the values (default: percentile)",
    )
    parser.add_argument(
        "--keep-float",
        action="append",
        default=[],
        metavar="NODE",
        help="a convolution that stays fp32, such as ssd300/conv1/conv1_1/Conv2D; may be given several times",
    )
    parser.add_argument(
        "--trust-graph", action="store_true", help="load the graph even if it holds operations inference does not need"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Quantize, write the graph and print the table of layers."""
    if args.calibration_images < 1:
        raise UserError(f"--calibration-images {args.calibration_images} is not a number of images: give 1 or more.")
    check_target(args.output)
    quiet.import_tensorflow()  # 6 s, which --help and mistakes do not wait for; so with all that imports it
    from ssd_core.graph.frozen import read_graph, write_graph
    from ssd_core.graph.quantize import DEFAULT_METHOD, quantize
    from ssd_core.graph.rewrite import layer_table
    from ssd_core.images.calibration import calibration_images

    graph_def = read_graph(args.in_graph, args.trust_graph)
    images = calibration_images(args.data_location, args.calibration_images, _BATCH)
    method = args.calibration or DEFAULT_METHOD
    quantized, reports = quantize(graph_def, images, method, args.keep_float)
    write_graph(quantized, args.output)
    print("\n".join(layer_table(reports)))
    done = sum(report.rewritten for report in reports)
    print(f"{done} of {len(reports)} layers are int8 ({method} calibration); sha256 {sha256_of(args.output)[:12]}")
    print(f"wrote {args.output}")
    return 0
