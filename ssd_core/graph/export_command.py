"""`python -m ssd_core export-graph`: a checkpoint of the original, or torchvision's weights -> a frozen fp32 graph."""

import argparse
from pathlib import Path
from typing import Any

from ssd_core import quiet
from ssd_core.errors import UserError
from ssd_core.files import check_target, sha256_of
from ssd_core.graph.torchvision import SUFFIXES, TORCHVISION, read_state_dict, torchvision_weights
from ssd_core.network.layers import MODEL_SCOPE, NUM_CLASSES
from ssd_core.network.variant import ORIGINAL

CONTRACTS = ("batched", "upstream")
_OLD_NAMES = {"seed": "upstream"}


def add_parser(subparsers: Any) -> None:
    """Add the command to the parser of `python -m ssd_core`."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "export-graph", help="make a frozen fp32 graph from a checkpoint", description=__doc__
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        required=True,
        metavar="PREFIX",
        help="a TensorFlow 1 checkpoint of SSD.TensorFlow (its path without .index), or torchvision's ssd300_vgg16"
        " state dict (.safetensors, or .pth where torch is installed)",
    )
    parser.add_argument("--output", type=Path, required=True, help="where to write the graph (.pb or .pbtxt)")
    parser.add_argument(
        "--num-classes", type=int, default=NUM_CLASSES, help="classes with the background (default %(default)s)"
    )
    parser.add_argument(
        "--contract",
        choices=(*CONTRACTS, *_OLD_NAMES),
        metavar="|".join(CONTRACTS),
        default=CONTRACTS[0],
        help="batched: any batch, four outputs; upstream: one image, scores and boxes of each class"
        " (default %(default)s)",
    )
    parser.add_argument(
        "--model-scope", default=MODEL_SCOPE, help="the scope of the checkpoint's variables (default %(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the weights, build the graph and write it."""
    if args.num_classes < 2:
        raise UserError(
            f"--num-classes {args.num_classes} leaves nothing to find: give 2 or more, background included."
        )
    check_target(args.output)
    quiet.import_tensorflow()  # 6 s, which --help and mistakes do not wait for; so with all that imports it
    from ssd_core.graph.checkpoint import checkpoint_weights
    from ssd_core.graph.export import fp32_graph
    from ssd_core.graph.frozen import write_graph
    from ssd_core.graph.upstream_graph import upstream_graph

    if args.checkpoint.suffix in SUFFIXES:
        scope, variant = MODEL_SCOPE, TORCHVISION
        weights = torchvision_weights(read_state_dict(args.checkpoint), args.num_classes)
    else:
        scope, variant = args.model_scope, ORIGINAL
        weights = checkpoint_weights(args.checkpoint, args.num_classes, scope)
    contract = _OLD_NAMES.get(args.contract, args.contract)
    if contract != args.contract:
        print(f"--contract {args.contract} is now called --contract {contract}.")
    build = upstream_graph if contract == "upstream" else fp32_graph
    write_graph(build(weights, args.num_classes, scope, variant), args.output)
    print(f"wrote {args.output}: {len(weights)} variables, {contract} contract, sha256 {sha256_of(args.output)[:12]}")
    return 0
