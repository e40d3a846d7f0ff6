"""`python -m ssd_core fleet --ray ADDRESS [-- PYTEST-BENCH ARGUMENTS]`: the cases on each kind of machine, compared."""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ssd_core.errors import UserError
from ssd_core.files import is_file, locked, replacing, writable_folder
from ssd_core.html.chart import altair
from ssd_core.html.command import write
from ssd_core.html.sources import Sources
from ssd_core.output.render import FORMATS
from ssd_core.output.table import Table
from ssd_core.results.run import Run, read_run
from ssd_core.results.schema import ThroughputResult
from ssd_core.scale.client import LOCAL
from ssd_core.scale.cluster import Cluster
from ssd_core.scale.fleet import Fleet, Kept, Machine, machines_of
from ssd_core.scale.probe import probe
from ssd_core.verdicts.cross_machine import cross_machine_report

_ASKED = "fleet.json"
_SECONDS_AN_HOUR = 3600


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "fleet",
        help="measure the cases once on each kind of machine of a Ray cluster, and compare the machines",
        description=(
            "Measure the cases once on each kind of machine of a Ray cluster, and compare the machines. A kind is a CPU"
            " model with its cores and sockets; nodes that were started with `ray start --labels kind=NAME` are of the"
            " kind NAME."
        ),
        epilog=(
            "What follows -- goes to `pytest bench`: fleet --ray ADDRESS -- --precision int8. Exit status: 0 when every"
            " case of every kind was measured, 1 when a machine died or a case failed, 2 for a mistake."
        ),
    )
    parser.add_argument(
        "--ray", required=True, metavar="ADDRESS", help=f"the address of the cluster; {LOCAL} starts one here"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("fleet"), metavar="DIR", help="the folder of the results (%(default)s)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the results that are in the folder")
    says = "what an hour of a kind costs, for the cost of images; repeat it for several kinds"
    parser.add_argument("--price", action="append", default=[], metavar="KIND=PRICE", help=says)
    parser.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="of `pytest bench`, after --")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, compare and report; the exit status says whether all was measured."""
    altair()  # a page that cannot be drawn is refused before anything is measured
    prices = dict(map(_price, args.price))
    if not Path("bench").is_dir():
        raise UserError("The folder bench is not here: run the command at the root of the project's clone.")

    def taken() -> None:
        raise UserError(f"Another fleet writes into {args.output}: wait until it is done, or choose another --output.")

    folder = writable_folder(args.output)
    with locked(folder / ".fleet.lock", taken):
        _check_resumed(folder, args.arguments, args.resume)
        with Cluster(args.ray) as cluster:
            nodes = [node for node in cluster.nodes if node.cpus]
            machines = machines_of(nodes, probe(cluster, nodes, [Path.cwd() / "bench"], Path.cwd()))
            _check_prices(prices, machines)
            fleet = Fleet(cluster, ["bench", *args.arguments], folder, print)
            fleet.measure(machines)
        return _report(folder, fleet.failures, prices)


def _check_resumed(folder: Path, arguments: Sequence[str], resume: bool) -> None:
    """Refuse to mix the results of two fleets, and to measure again what is there by mistake."""
    path = folder / _ASKED
    if is_file(path):
        before = msgspec.json.decode(path.read_bytes(), type=list[str])
        if not resume:
            raise UserError(f"{folder} holds the results of a fleet: go on with --resume, or choose another --output.")
        if before != list(arguments):
            raise UserError(f"{folder} was measured with `{' '.join(before)}`: give the same, or another --output.")
    with replacing(path) as temporary:
        temporary.write_bytes(msgspec.json.encode(list(arguments)))


def _report(folder: Path, failures: Sequence[str], prices: Mapping[str, float]) -> int:
    """Write a file of results of each kind, compare them, and draw the page of all."""
    kinds = [Kept.of(path.parent) for path in sorted(folder.glob("*/cases.json"))]
    runs: list[Run] = []
    for kept in kinds:
        if (document := kept.document()) is not None:
            path = folder / f"{kept.folder.name}.json"
            with replacing(path) as temporary:
                temporary.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2))
            runs.append(read_run(path))
    if not runs:
        why = failures[0] if failures else "the arguments select none."
        raise UserError(f"No case was measured on any machine: {why}")
    if len(runs) > 1:
        sys.stdout.write(FORMATS["text"](cross_machine_report(runs)))
    else:
        print("The cluster has one kind of machine, so there is nothing to compare.")
    for line in cost_table(runs, prices).filled.text() if prices else ():
        print(line)
    write(runs, folder / "report.html", Sources())
    print(f"report   {folder / 'report.html'}")
    for run_of_kind in runs:
        print(f"results  {run_of_kind.path}")
    for line in failures:
        print(line, file=sys.stderr)
    return 1 if failures or any(kept.open for kept in kinds) else 0


def cost_table(runs: Sequence[Run], prices: Mapping[str, float]) -> Table:
    """What a million images cost on each kind that has a price, by its throughput cases."""
    rows = []
    for run_of_kind in runs:
        price = prices.get(run_of_kind.path.stem)
        for result in run_of_kind.results:
            if price is not None and isinstance(result, ThroughputResult):
                cost = price / _SECONDS_AN_HOUR / result.images_per_second * 1e6
                rate = f"{result.images_per_second:.2f}"
                rows.append([run_of_kind.path.stem, str(result.case), rate, f"{price:g}", f"{cost:.3g}"])
    return Table(["kind", "case", "images/s", "price an hour", "a million images cost"], rows)


def _price(text: str) -> tuple[str, float]:
    kind, _, price = text.rpartition("=")
    try:
        value = float(price)
    except ValueError:
        value = math.nan
    if not kind or not 0 < value < math.inf:
        raise UserError(f"--price {text} is no price: write KIND=PRICE, such as c7i.xlarge=0.178 for an hour.")
    return kind, value


def _check_prices(prices: Mapping[str, float], machines: Sequence[Machine]) -> None:
    kinds = [machine.kind for machine in machines]
    if unknown := [kind for kind in prices if kind not in kinds]:
        raise UserError(f"--price names {unknown[0]}, and the cluster has {', '.join(kinds)}: name one of them.")
