"""`python -m ssd_core show RUN.json`: a saved run as the terminal showed it, or in another format."""

import argparse
import sys
from pathlib import Path

from ssd_core.output.formats import FORMATS
from ssd_core.output.run_tables import run_tables
from ssd_core.results.run import read_run


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    text = "print a saved run as the terminal showed it: figures, accuracy, profiles, other runtimes, and the ledger"
    parser = subparsers.add_parser("show", help=text, description=text)
    parser.add_argument("file", type=Path, metavar="FILE", help="a JSON file that `pytest bench` saved")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="the output format (%(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the tables; UserError for a file that is missing, holds no run, or is damaged."""
    saved = read_run(args.file)
    if saved.partial:
        print(f"{args.file} is of a partial run: {saved.partial}.", file=sys.stderr)
    sys.stdout.write(FORMATS[args.format](run_tables(saved.results, saved.ledger, saved.not_asked)))
    return 0
