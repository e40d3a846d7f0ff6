"""`python -m ssd_core compare A.json B.json [...]`: compares files of results with the first."""

import argparse
import sys
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.output.render import FORMATS
from ssd_core.results.run import EmptyRunError, InvalidResultsError, read_compared
from ssd_core.verdicts.compare import LIMIT, check_limit
from ssd_core.verdicts.cross_machine import cross_machine_report
from ssd_core.verdicts.report import Exit, Report, UnlikeMachinesError, report

_EXITS = "exit status: " + ", ".join(
    (
        f"{Exit.FINE} fine",
        f"{Exit.REGRESSION} a regression",
        f"{Exit.USAGE} usage",
        f"{Exit.INCOMPARABLE} incomparable or missing",
        f"{Exit.UNCLEAR} too noisy to tell, or an invalid file",
        f"{Exit.NOTHING} nothing compared",
    )
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    text = "compare files of results with the first of them, case by case"
    parser = subparsers.add_parser("compare", help=text, description=text, epilog=_EXITS)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSON files that `pytest bench` saved")
    parser.add_argument(
        "--cross-machine", action="store_true", help="compare unlike machines, in the figures that allow it"
    )
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="the output format (%(default)s)")
    parser.add_argument(
        "--limit", type=float, default=LIMIT, help="largest slowdown that passes, 0.03 is 3 %% (%(default)s)"
    )
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="FIELD", help="a condition that may differ, such as `kernel`"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the report and return the exit status that `Exit` lists; a mistake is one sentence on stderr."""
    try:
        compared = _report(args)
    except UnlikeMachinesError as error:
        return _fail(error, Exit.INCOMPARABLE)
    except EmptyRunError as error:
        return _fail(error, Exit.NOTHING)
    except InvalidResultsError as error:
        return _fail(error, Exit.UNCLEAR)
    except UserError as error:
        return _fail(error, Exit.USAGE)
    sys.stdout.write(FORMATS[args.format](compared))
    if compared.exit is Exit.NOTHING:
        return _fail(UserError("The files have no case in common, so nothing was compared."), Exit.NOTHING)
    return int(compared.exit)


def _report(args: argparse.Namespace) -> Report:
    check_limit(args.limit)
    runs = [read_compared(path) for path in args.files]
    return (cross_machine_report if args.cross_machine else report)(runs, args.limit, args.ignore)


def _fail(error: UserError, status: Exit) -> int:
    print(f"error: {error}", file=sys.stderr)
    return int(status)
