"""`python -m ssd_core show RUN.json`: a saved run as the terminal showed it, or in another format."""

import argparse
import sys
from pathlib import Path

from ssd_core.output.formats import FORMATS
from ssd_core.output.run_tables import run_tables, screen_tables
from ssd_core.results.run import read_run


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    text = "print a saved run as the terminal showed it: the results, then the ledger"
    parser = subparsers.add_parser("show", help=text, description=text)
    parser.add_argument("file", type=Path, metavar="FILE", help="a JSON file that `pytest bench` saved")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="the output format (%(default)s)")
    parser.add_argument(
        "--verbose", "-v", action="store_true", help="print all figures, and all of the ledger's entries"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the tables; UserError for a file that is missing, holds no run, or is damaged."""
    saved = read_run(args.file)
    if saved.partial:
        print(f"{args.file} is of a partial run: {saved.partial}.", file=sys.stderr)
    tables = run_tables if args.verbose else screen_tables
    sys.stdout.write(FORMATS[args.format](tables(saved.results, saved.ledger, saved.not_asked)))
    return 0
