"""Upgrades results of older schemas. Files without a schema version (0) hold less than those of schema 1."""

from collections.abc import Mapping
from typing import Any

from ssd_core.errors import UserError
from ssd_core.results.case import COUNTS
from ssd_core.results.schema import timing_of
from ssd_core.stats.samples import Samples

_RENAMED = (("graph_contract", "seed", "upstream"), ("rounding", "as the seed did", "as upstream did"))
_TIMED = ("throughput", "latency", "input_pipeline", "against")


def upgraded(benchmark: Mapping[str, Any]) -> dict[str, Any]:
    """`extra_info` of an older benchmark in the current schema; UserError if it was saved without durations."""
    info = {**benchmark["extra_info"]}
    # Older files have no kind; the test's name gives it: bench/test_latency.py::test_latency[...].
    info.setdefault("kind", str(benchmark.get("name", "")).partition("[")[0].removeprefix("test_"))
    if info["kind"] == "peers" and "peers_accuracy" in info:
        info["kind"] = "peers_accuracy"
    for name, old, new in _RENAMED:
        if isinstance(info.get(name), str):
            info[name] = info[name].replace(old, new)
    for name in COUNTS:
        info[name] = info.get(name) or (1 if name == "streams" else 0)
    info["tuned"] = bool(info.get("tuned"))
    if info["kind"] in _TIMED:
        if "samples_ns" not in info:
            info["samples_ns"] = _of_stats(benchmark)
        if _are_samples(info["samples_ns"]) and all(isinstance(info[name], int) for name in COUNTS):
            images = max(1, info["batch_size"] * info["streams"])
            info = {**timing_of(info["samples_ns"], images), **info}
    return info


def _of_stats(benchmark: Mapping[str, Any]) -> list[list[int]]:
    seconds = (benchmark.get("stats") or {}).get("data")
    if not seconds:
        raise UserError("it was saved without its durations: save with --benchmark-json or --benchmark-save-data.")
    return [list(process) for process in Samples.of_seconds(seconds).processes]


def _are_samples(processes: object) -> bool:
    return isinstance(processes, list) and all(isinstance(process, list) for process in processes)
