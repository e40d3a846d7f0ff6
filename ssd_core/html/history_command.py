"""`python -m ssd_core history`: how the figures moved from commit to commit; and what adds to a history."""

import argparse
import sys
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.files import check_target, replacing
from ssd_core.html.history import page
from ssd_core.output.formats import FORMATS
from ssd_core.output.history_tables import history_tables
from ssd_core.results.history import FOLDER, History, Series, acknowledge, add, chosen, read_history
from ssd_core.results.moment import moment_of
from ssd_core.verdicts.history import judge
from ssd_core.verdicts.report import Exit

_EPILOG = (
    "`history import FILE ...` adds runs that were saved earlier, and `history acknowledge CASE COMMIT --why TEXT` says"
    f" that a step down is known. Exit status: {Exit.FINE} fine, {Exit.REGRESSION} a step down with --fail-on-step,"
    f" {Exit.USAGE} usage, {Exit.UNCLEAR} a file of the folder was left out."
)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command, and its two commands that add to the folder."""
    text = "show how the figures of saved runs moved from commit to commit, and where they stepped"
    parser = subparsers.add_parser("history", help=text, description=text, epilog=_EPILOG)
    says = "the folder of the history (%(default)s)"
    parser.add_argument("--folder", type=Path, default=FOLDER, metavar="DIR", help=says)
    says = "only the cases whose names hold this, as in int8 or 'latency*batch1'"
    parser.add_argument("--case", default="", metavar="PATTERN", help=says)
    says = "only runs and steps since this date or revision"
    parser.add_argument("--since", metavar="REV|DATE", help=says)
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="the output format (%(default)s)")
    says = "draw them as an HTML page as well, a chart a series"
    parser.add_argument("--output", type=Path, metavar="FILE", help=says)
    says = "a field in which the runs of one series may differ, such as `kernel`"
    parser.add_argument("--ignore", action="append", default=[], metavar="FIELD", help=says)
    says = "exit 1 if the newest runs hold a step down that is not acknowledged"
    parser.add_argument("--fail-on-step", action="store_true", help=says)
    parser.set_defaults(run=run)
    _add_commands(parser)


def _add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands that add to the folder", metavar="{import,acknowledge}")
    text = "add runs that `pytest bench` saved; those that are there already are not added again"
    importing = commands.add_parser("import", help=text, description=text)
    importing.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSON files that `pytest bench` saved")
    importing.set_defaults(run=run_import)
    text = "say that a step down is known, so that --fail-on-step passes"
    known = commands.add_parser("acknowledge", help=text, description=text)
    known.add_argument("known_case", metavar="CASE", help="the case, in which * stands for anything")
    known.add_argument("commit", metavar="COMMIT", help="the commit of the step, by its first digits")
    known.add_argument("--why", required=True, metavar="TEXT", help="the reason, which the table shows")
    known.set_defaults(run=run_acknowledge)
    for command in (importing, known):
        says = "the folder of the history"
        command.add_argument("--folder", type=Path, default=argparse.SUPPRESS, metavar="DIR", help=says)


def run(args: argparse.Namespace) -> int:
    """Print the history and return the exit status; UserError for a folder, a pattern or a date that is none."""
    if args.output is not None:
        check_target(args.output)
    history = read_history(args.folder, args.ignore)
    series = chosen(history, args.case)
    judged = judge(series, history.acknowledged, _since(args.since, series))
    if not judged:
        raise UserError(f"No run is since {args.since}: give an earlier date or commit.")
    tables = history_tables(history, judged)
    if args.output is not None:
        text = page(history, judged, tables)
        with replacing(args.output) as temporary:
            temporary.write_text(text, encoding="utf-8")
    sys.stdout.write(FORMATS[args.format](tables))
    if args.fail_on_step and any(one.newest_open for one in judged):
        return int(Exit.REGRESSION)
    return _status(history)


def _since(wanted: str | None, series: tuple[Series, ...]) -> float | None:
    points = (point for one in series for point in one.points)
    return None if wanted is None else moment_of(wanted, points, Path.cwd())


def _status(history: History) -> int:
    for problem in history.left_out:
        print(f"left out: {problem}", file=sys.stderr)
    return int(Exit.UNCLEAR if history.left_out else Exit.FINE)


def run_import(args: argparse.Namespace) -> int:
    """Add files and say how many are new; UserError, with nothing added, for one that is no whole run."""
    added = add(args.files, args.folder)
    there = len(args.files) - len(added)
    print(f"{len(added)} runs added to {args.folder}" + (f", {there} were there already" if there else ""))
    return 0


def run_acknowledge(args: argparse.Namespace) -> int:
    """Add an acknowledgement and print its file; UserError, with nothing added, if no run is of it."""
    print(acknowledge(read_history(args.folder), args.known_case, args.commit, args.why))
    return 0
