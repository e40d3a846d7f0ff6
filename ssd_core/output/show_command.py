"""`python -m ssd_core show RUN.json`: a saved run as the terminal showed it, or in another format."""

import argparse
import sys
from pathlib import Path

from ssd_core.output.formats import FORMATS
from ssd_core.output.run_tables import saved_tables
from ssd_core.results.schema import EmptyRunError, InvalidResultsError, read_document


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    text = "print a saved run as the terminal showed it: figures, accuracy, profiles, other runtimes, and the ledger"
    parser = subparsers.add_parser("show", help=text, description=text)
    parser.add_argument("file", type=Path, metavar="FILE", help="a JSON file that `pytest bench` saved")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="of what is printed (%(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the tables; UserError for a file that is not there, holds no run, or is damaged."""
    document = read_document(args.file)
    if not document["benchmarks"]:
        raise EmptyRunError(f"{args.file} holds an empty run, in which nothing was measured: measure again.")
    tables = saved_tables(document, str(args.file))
    if not any(table.rows for table in tables):
        raise InvalidResultsError(
            f"{args.file} was saved by an older version, without the figures that are shown here."
        )
    if partial := document.get("partial"):
        print(f"{args.file} is of a partial run: {partial}.", file=sys.stderr)
    sys.stdout.write(FORMATS[args.format](tables))
    return 0
