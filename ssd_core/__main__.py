"""The command line beside pytest: `python -m ssd_core COMMAND`."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from ssd_core import console

# TensorFlow reads these when it is imported; its start-up chatter would bury what a command prints.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

_COMMANDS = {
    "demo": "ssd_core.demo.command",
    "export-graph": "ssd_core.graph.export_command",
    "quantize": "ssd_core.graph.quantize_command",
    "bfloat16": "ssd_core.graph.bfloat16_command",
    "machine": "ssd_core.scenarios.machine_command",
    "compare": "ssd_core.output.compare_command",
    "show": "ssd_core.output.show_command",
    "report": "ssd_core.html.command",
    "history": "ssd_core.html.history_command",
    "generate-coco-records": "ssd_core.scale.records_command",
    "merge": "ssd_core.scale.merge_command",
    "fleet": "ssd_core.scale.fleet_command",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; a mistake of the user's is one sentence on stderr and status 2."""
    given = sys.argv[1:] if arguments is None else arguments
    return console.run(given, lambda: _run(given))


def _run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m ssd_core", description=__doc__)
    subparsers = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    named = [name for name in arguments[:1] if name in _COMMANDS]  # only its module is imported, which takes less time
    for name in named or _COMMANDS:
        importlib.import_module(_COMMANDS[name]).add_parser(subparsers)
    parsed = parser.parse_args(arguments)
    status: int = parsed.run(parsed)
    return status


if __name__ == "__main__":
    sys.exit(main())
