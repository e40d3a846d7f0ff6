"""The settings: what each result depends on, with its graph's sha256 and the versions."""

from collections.abc import Sequence

import msgspec

from ssd_core.html.machines import text_of
from ssd_core.html.section import Section
from ssd_core.output.table import Table
from ssd_core.results.run import Run
from ssd_core.results.schema import Result

_MORE = ("threads_started", "peers_versions", "warmup_steps", "stopped", "quick", "detections_file")
Labelled = tuple[str, Result]
"""A result with the letter of its run."""


def section(runs: Sequence[Run], labels: Sequence[str]) -> Section:
    """One row per setting and value, with the cases that have it."""
    results = [(label, result) for run, label in zip(runs, labels, strict=True) for result in run.results]
    having: dict[tuple[str, str], list[Labelled]] = {}
    for label, result in results:
        for name, value in _settings(result).items():
            if value is not None:
                having.setdefault((name.replace("_", " "), text_of(value)), []).append((label, result))
    rows = [[name, value, _cases(of, results)] for (name, value), of in sorted(having.items())]
    return Section("settings", "Settings and versions", [Table(["setting", "value", "cases"], rows)])


def _settings(result: Result) -> dict[str, object]:
    """What a result depends on, and how it was measured."""
    more = {name: msgspec.to_builtins(getattr(result, name, None)) for name in _MORE}
    said = {"graph": result.graph, **result.conditions, **more}
    return said | ({"data": msgspec.to_builtins(result.data)} if result.data else {})


def _cases(some: Sequence[Labelled], results: Sequence[Labelled]) -> str:
    """As in `all`, `all of fp32`, `all of latency and throughput`, or the cases."""
    if len(some) == len(results):
        return "all"
    for group in (_precision, _kind, _run):
        groups = list(dict.fromkeys(map(group, some)))
        if sum(group(one) in groups for one in results) == len(some):
            return f"all of {' and '.join(groups)}"
    return ", ".join(f"{result.kind} {result.case.id} {label}".strip() for label, result in some)


def _precision(one: Labelled) -> str:
    return one[1].precision


def _kind(one: Labelled) -> str:
    return one[1].kind


def _run(one: Labelled) -> str:
    return one[0]
