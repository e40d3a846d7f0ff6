"""`python -m ssd_core machine`: what this machine is, its present jitter, and what would make its numbers noisy."""

import argparse
import json
import time
from dataclasses import asdict
from statistics import median
from typing import Any

from ssd_core.machine import advice, identity
from ssd_core.machine.affinity import default_thread_count
from ssd_core.machine.cpu_time import cpu_time
from ssd_core.precisions import REFERENCE
from ssd_core.profiling.drift import STEPS, drift
from ssd_core.worker.client import Worker

_STEAL_WINDOW_SECONDS = 0.5
_LOAD_SECONDS = 3.0


def add_parser(subparsers: Any) -> None:
    """Add the command to the parser of `python -m ssd_core`."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "machine", help="describe this machine, and what would make its numbers noisy", description=__doc__
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the machine's identity, its jitter over half a second and under some seconds of load, and the warnings."""
    before = cpu_time()
    facts = identity.of_this_machine()
    time.sleep(_STEAL_WINDOW_SECONDS)
    jitter = identity.jitter(before)
    yardstick_drift = drift_under_load()
    how_it_is = {**jitter.as_json(), "yardstick_drift": yardstick_drift}
    warnings = advice.warnings(facts, jitter, yardstick_drift)
    if args.json:
        described = {
            "identity": facts,
            "jitter": how_it_is,
            "warnings": [asdict(warning) for warning in warnings],
        }
        print(json.dumps(described, indent=2))
        return 0
    print(_section("identity: two runs are compared only if this is the same", facts))
    print(_section("jitter: the machine's present state", how_it_is))
    print(f"\n{len(warnings)} warning(s)" if warnings else "\nno warnings")
    for warning in warnings:
        print(f"  {warning}")
    return 0


def drift_under_load() -> float:
    """The drift of the fp32 yardstick over some seconds while every CPU runs it."""
    with Worker() as worker:

        def run(steps: int) -> list[int]:
            return worker.yardstick(REFERENCE, 1, default_thread_count(), steps)

        before_ns = run(STEPS)
        run(int(_LOAD_SECONDS * 1e9 / median(before_ns)))
        return drift(before_ns, run(STEPS))


def _section(title: str, values: dict[str, Any]) -> str:
    return "\n".join([f"\n{title}", *(f"  {name:20} {_words(value)}" for name, value in values.items())])


def _words(value: Any) -> str:
    """A value as text; an unknown value is a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
