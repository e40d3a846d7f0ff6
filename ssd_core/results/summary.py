"""Summary: the points of one file of results, from the figures that it holds already. Its samples are not read.

What does not change from file to file (a case and all that its figures depend on) is decoded once, and found again by
its bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from ssd_core.errors import UserError
from ssd_core.results.case import COUNTS, Case
from ssd_core.results.moment import seconds_of
from ssd_core.results.parts import Interval, Positive
from ssd_core.results.point import Figure, Point, Value, median, rate, value_of
from ssd_core.results.result import CONDITIONS
from ssd_core.results.run import read_run, result_of
from ssd_core.results.schema import NO_TRUTH, SCHEMA_VERSION, Result, TimedResult

KINDS = ("throughput", "latency", "input_pipeline", "server", "accuracy")
"""Of the results that are followed. An A/B case is none of them: its variant ran between its steps."""
_MS_PER_S = 1e3


@dataclass(frozen=True)
class Origin:
    """What a series is of: a case with all that its figures depend on, the machine included."""

    case: Case
    identity: Mapping[str, object]
    conditions: Mapping[str, object]
    images: int = 1
    """By which a median is divided: a tuned case's is of an image, because its search may choose another batch."""


Found = list[tuple[Origin, Point]]


class Reader:
    """Reads files of results, one after the other."""

    def __init__(self) -> None:
        self._known: dict[bytes, Origin | None] = {}

    def read(self, path: Path) -> Found:
        """The points of a file; UserError if it cannot be read, is damaged, or is of a partial run."""
        try:
            content = path.read_bytes()
            document = _DECODER.decode(content)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return _slowly(path)
        if document.partial:
            raise UserError(f"{path} is of a partial run ({document.partial}), which is no point of a series.")
        moment = _moment(document.datetime, document.commit_info)
        found: Found = []
        for place, benchmark in enumerate(document.benchmarks):
            info = benchmark.extra_info
            if info.schema_version != SCHEMA_VERSION or benchmark.stats.median is None:
                return _slowly(path)
            key = b"\0".join((document.machine_info.identity, *_of_origin(info)))
            if key not in self._known:
                self._known[key] = _origin(path, content, place)
            known = self._known[key]
            if known is not None and (value := _value(benchmark, known)) is not None:
                found.append((known, _point(value, document.commit_info, moment, info.yardstick, path)))
        if len({id(origin) for origin, _ in found}) < len(found):  # a case that was repeated is one point
            return _slowly(path)
        return found


def _slowly(path: Path) -> Found:
    """The points of a file of any schema version, from its samples; UserError says what is wrong with it."""
    run = read_run(path)
    if run.partial:
        raise UserError(f"{path} is of a partial run ({run.partial}), which is no point of a series.")
    document = msgspec.json.decode(path.read_bytes(), type=_Dated)
    moment = _moment(document.datetime, document.commit_info)
    return [
        (_origin_of(run.identity, result), _point(value, document.commit_info, moment, _yardstick_of(result), path))
        for result in run.results
        if _followed(result) and (value := value_of(result)) is not None
    ]


def _origin(path: Path, content: bytes, place: int) -> Origin | None:
    """What one benchmark of a file is of; None if it is no point of a series."""
    document = msgspec.json.decode(content)
    benchmark = document["benchmarks"][place]
    result = result_of(f"{path}: {benchmark.get('fullname', 'a benchmark')}", benchmark)
    return _origin_of(document["machine_info"].get("identity", {}), result) if _followed(result) else None


def _origin_of(identity: Mapping[str, object], result: Result) -> Origin:
    images = max(1, result.case.images_a_step) if result.tuned and result.kind != "accuracy" else 1
    return Origin(result.case.key, identity, result.conditions, images)


def _followed(result: Result) -> bool:
    return result.kind in KINDS and not result.quick


def _value(benchmark: "_Benchmark", origin: Origin) -> Value | None:
    info, stats = benchmark.extra_info, benchmark.stats
    if info.accuracy is not None:
        ap = info.accuracy.AP
        return None if ap == NO_TRUTH else Value(Figure.AP, ap, ap, ap)
    if info.rate is not None:
        ends = (info.rate, info.rate) if info.peak is None else (info.peak.low, info.peak.high)
        return rate(info.rate, *ends) if info.searched else None
    assert stats.median is not None
    pooled_ms = stats.median * _MS_PER_S
    middle_ms = info.latency_ms.p50 or pooled_ms
    spread_ms = stats.iqr * _MS_PER_S * middle_ms / pooled_ms
    return median(middle_ms / origin.images, spread_ms / origin.images, stats.rounds)


def _point(
    value: Value, commit: "_Commit", moment: tuple[float, float], yardstick: "_Yardstick | None", path: Path
) -> Point:
    level_ms = yardstick.median_ms if yardstick is not None and yardstick.median_ms > 0 else None
    return Point(value, commit.revision, commit.dirty, *moment, level_ms, path.name)


def _yardstick_of(result: Result) -> "_Yardstick | None":
    yardstick = result.yardstick if isinstance(result, TimedResult) else None
    return None if yardstick is None else _Yardstick(yardstick.median_ms)


def _moment(ended: str, commit: "_Commit") -> tuple[float, float]:
    """The time of the commit and of the run, in seconds since 1970."""
    run_time = seconds_of(ended) or 0.0
    committed = seconds_of(commit.time or "")
    return (run_time if committed is None else committed), run_time


class _Commit(Struct, frozen=True, gc=False):
    id: str = ""
    time: str | None = None
    dirty: bool = False

    @property
    def revision(self) -> str:
        """Empty if pytest-benchmark found no repository."""
        return "" if self.id in ("unversioned", "unknown") else self.id


class _Machine(Struct, frozen=True, gc=False):
    identity: Raw = Raw()


class _Stats(Struct, frozen=True, gc=False):
    median: Positive | None = None
    iqr: Annotated[float, Meta(ge=0)] = 0.0
    rounds: Annotated[int, Meta(ge=1)] = 1


class _Latency(Struct, frozen=True, gc=False):
    p50: Positive | None = None


class _Accuracy(Struct, frozen=True, gc=False):
    AP: Annotated[float, Meta(ge=NO_TRUTH, le=1)]


class _Yardstick(Struct, frozen=True, gc=False):
    median_ms: float = 0.0


_of_origin = attrgetter("kind", "precision", *COUNTS, "tuned", "quick", *CONDITIONS, "versions")


class _Info(Struct, frozen=True, gc=False):
    """The figures of a result, and the bytes of all that they depend on."""

    schema_version: int = 0
    latency_ms: _Latency = _Latency()
    accuracy: _Accuracy | None = None
    rate: Positive | None = None
    searched: bool = False
    peak: Interval | None = None
    yardstick: _Yardstick | None = None
    kind: Raw = Raw()
    precision: Raw = Raw()
    batch_size: Raw = Raw()
    num_inter_threads: Raw = Raw()
    num_intra_threads: Raw = Raw()
    streams: Raw = Raw()
    tuned: Raw = Raw()
    quick: Raw = Raw()
    graph_contract: Raw = Raw()
    graph_ops: Raw = Raw()
    graph_sha256: Raw = Raw()
    data: Raw = Raw()
    allocator: Raw = Raw()
    binding: Raw = Raw()
    protocol: Raw = Raw()
    rounding: Raw = Raw()
    bound_ms: Raw = Raw()
    percentile: Raw = Raw()
    batch_timeout_ms: Raw = Raw()
    versions: Raw = Raw()


class _Benchmark(Struct, frozen=True, gc=False):
    extra_info: _Info
    stats: _Stats = _Stats()


class _Dated(Struct, frozen=True, gc=False):
    datetime: str = ""
    commit_info: _Commit = _Commit()
    partial: str | None = None


class _Document(_Dated, frozen=True, kw_only=True):
    benchmarks: list[_Benchmark]
    machine_info: _Machine


_DECODER = msgspec.json.Decoder(_Document)
