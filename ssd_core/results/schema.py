"""Results: pytest-benchmark's JSON files, read into one result a case, whatever the file's age.

A file is pytest-benchmark's own format; what this project adds lies in each benchmark's `extra_info` and in
`machine_info["identity"]`. Results are keyed by the case's parameters, so that renaming a test loses no baseline.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ssd_core.errors import UserError
from ssd_core.stats.samples import Samples

SCHEMA_VERSION = 1  # of extra_info; files that say nothing are older, and hold less
COUNTS = ("batch_size", "num_inter_threads", "num_intra_threads", "streams")
PARAMETERS = ("kind", "precision", *COUNTS, "tuned", "variant")
CONDITIONS = ("graph_contract", "graph_ops", "graph_sha256", "data", "allocator", "binding", "protocol", "rounding")
UNTIMED = ("accuracy",)  # kinds whose result is no duration
SPEEDUP, YARDSTICK_SHARE = "speedup", "yardstick_share"  # names of figures that a limit has measured in turn
NO_TRUTH = -1  # the AP that pycocotools gives where the images hold no object to find
PASSED_OVER = ("profile", "peers")  # kinds that show something, and have no result to hold against another run

Info = Mapping[str, Any]


class InvalidResultsError(UserError):
    """A file that holds no results, or impossible ones."""


class EmptyRunError(InvalidResultsError):
    """A file of a run in which nothing was measured."""


@dataclass(frozen=True)
class Case:
    """What was measured; two results are of the same case when all of this is equal. None where it does not apply."""

    kind: str
    precision: str | None = None
    batch_size: int | None = None
    num_inter_threads: int | None = None
    num_intra_threads: int | None = None
    streams: int | None = 1  # files that do not say are of a time when there was one
    variant: str | None = None  # what an A/B case ran against
    tuned: bool = False  # the best of several batch sizes, threads and streams: the case has none of these itself

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters by name, as thresholds match them."""
        return {name: getattr(self, name) for name in PARAMETERS}

    def __str__(self) -> str:
        """As in `throughput int8-batch8-intra2`; inter-operation threads are named where there are several."""
        counts = (f"{word}{value}" for word, value in self._counts() if value is not None)
        words = [self.precision, "tuned" if self.tuned else None, *counts]
        against = f" against {self.variant}" if self.variant else ""
        return " ".join([self.kind, "-".join(word for word in words if word)]).strip() + against

    def _counts(self) -> tuple[tuple[str, int | None], ...]:
        inter = self.num_inter_threads if self.num_inter_threads != 1 else None
        streams = self.streams if self.streams != 1 else None
        threads = (("inter", inter), ("intra", self.num_intra_threads), ("streams", streams))
        return ("batch", self.batch_size), *threads


@dataclass(frozen=True)
class Result:
    """One case's result: its durations or its accuracy, and the conditions that it depends on."""

    case: Case
    samples: Samples | None  # None for a kind that is not timed
    accuracy: Mapping[str, float] | None  # COCO's numbers by name
    yardstick_share: float | None
    steady: bool | None  # None where the file does not say
    conditions: Mapping[str, object]
    unusable: str | None = None
    """Why the result can be compared with none, such as an AP of -1; the other results of its file can."""
    chosen: Mapping[str, int] = field(default_factory=dict)
    """The batch size, threads and streams that a tuned case found best; its samples are nanoseconds an image."""
    in_turn: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    """SPEEDUP and YARDSTICK_SHARE with the ends of their 95 % intervals, where a limit had them measured in turn."""


@dataclass(frozen=True)
class Run:
    """One file: the machine it was measured on, and its results in the order of the file."""

    path: Path
    identity: Mapping[str, object]
    results: Mapping[Case, Result]
    partial: str | None = None
    """What is missing of a run that ended early; None for a whole one."""


def read_run(path: Path) -> Run:
    """Read a file of results.

    UserError when there is no such file; InvalidResultsError when it is no JSON, truncated, another tool's, of a newer
    schema, or holds impossible durations or one case twice with unlike settings; EmptyRunError when it holds
    nothing that is compared.
    """
    content = read_document(path)
    benchmarks = content["benchmarks"]
    if not benchmarks:
        raise EmptyRunError(f"{path} holds an empty run, in which nothing was measured: measure again.")
    results: dict[Case, Result] = {}
    for benchmark in benchmarks:
        if (benchmark.get("extra_info") or {}).get("kind") in PASSED_OVER:
            continue
        where = f"{path}: {benchmark.get('fullname', 'a benchmark')}"
        try:
            result = result_of(where, benchmark)
        except InvalidResultsError:
            raise
        except UserError as error:
            raise InvalidResultsError(f"{where}: {error}") from error
        if result.case in results:
            result = _repeated(path, results[result.case], result)
        results[result.case] = result
    if not results:
        raise EmptyRunError(f"{path} holds only what is not compared: measure without --profile and --peers.")
    partial = content.get("partial")
    return Run(path, _identity(content["machine_info"]), results, None if partial is None else str(partial))


def result_of(where: str, benchmark: Info) -> Result:
    """The result in one benchmark of a file (or in as much of one as `{"extra_info": ...}`); `where` begins its errors.

    InvalidResultsError, or UserError for impossible durations.
    """
    info = benchmark.get("extra_info") or {}
    version = info.get("schema_version", 0)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise InvalidResultsError(
            f"{where} has schema {version}, newer than {SCHEMA_VERSION}, the newest known here: update this program."
        )
    if "precision" not in info:
        raise InvalidResultsError(
            f"{where} has no precision, so `pytest bench` did not write it: name a file that it saved."
        )
    counts = _counts(where, info)
    case = _case(where, benchmark, info, counts)
    # A tuned case's steps are as large as was best that day: only the time that an image takes can be compared.
    images = (counts["batch_size"] or 1) * (counts["streams"] or 1) if case.tuned else 1
    return Result(
        case=case,
        samples=None if case.kind in UNTIMED else _samples(where, benchmark, info, images),
        accuracy=_accuracy(where, info) if case.kind in UNTIMED else None,
        unusable=_undefined(info) if case.kind in UNTIMED else None,
        yardstick_share=_positive(where, info, "yardstick_share"),
        steady=info.get("steady"),
        conditions=_conditions(info),
        chosen={name: count for name, count in counts.items() if count is not None} if case.tuned else {},
        in_turn=_in_turn(where, info),
    )


def _repeated(path: Path, one: Result, other: Result) -> Result:
    """What a case comes to that was measured again in one run, as pytest-repeat does: it has one more process."""
    if one.conditions != other.conditions or one.accuracy != other.accuracy or one.chosen != other.chosen:
        raise InvalidResultsError(
            f"{path} holds the case {one.case} twice, with other settings or another AP: measure it once in a run."
        )
    samples = one.samples.merge(other.samples) if one.samples and other.samples else one.samples
    steady = one.steady and other.steady
    return replace(other, samples=samples, steady=steady)  # the share and what was in turn are the last one's


def read_document(path: Path) -> dict[str, Any]:
    """The content of a file that pytest-benchmark wrote; UserError and InvalidResultsError as `read_run` has them."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): name a file of results.") from error
    except UnicodeDecodeError as error:
        raise InvalidResultsError(f"{path} is not JSON: name a file that `pytest bench` saved.") from error
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        cut = error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip()) - 1
        if text.lstrip().startswith("{") and cut:
            raise InvalidResultsError(f"{path} is truncated (it ends within a JSON value): measure again.") from error
        raise InvalidResultsError(f"{path} is not JSON ({error}): name a file that `pytest bench` saved.") from error
    expected = {"benchmarks": list, "machine_info": dict}
    if not isinstance(content, dict) or any(not isinstance(content.get(name), of) for name, of in expected.items()):
        raise InvalidResultsError(f"{path} is not pytest-benchmark's: name a file that `pytest bench` saved.")
    if any(not isinstance(benchmark, dict) for benchmark in content["benchmarks"]):
        raise InvalidResultsError(f"{path} is not pytest-benchmark's: name a file that `pytest bench` saved.")
    return content


def _case(where: str, benchmark: Info, info: Info, counts: Mapping[str, int | None]) -> Case:
    # Before there was a kind in the file, the test's name said it: bench/test_latency.py::test_latency[...].
    kind = info.get("kind") or str(benchmark.get("name", "")).partition("[")[0].removeprefix("test_")
    for name in ("kind", "precision"):
        if not isinstance(info.get(name, ""), str):
            raise InvalidResultsError(
                f"{where}: {name} is {info[name]!r}, not text: the file is damaged, measure again."
            )
    if info.get("tuned"):
        return Case(kind, info["precision"], streams=None, tuned=True)
    if kind in UNTIMED:  # the same images give the same AP in whatever batches and threads
        return Case(kind, info["precision"], streams=None)
    against = info.get("against") or {}
    variant: str | None = against.get("variant")
    return Case(kind, info["precision"], variant=variant, **counts)  # type: ignore[arg-type]  # COUNTS name its own


def _counts(where: str, info: Info) -> dict[str, int | None]:
    counts: dict[str, int | None] = {}
    for name in COUNTS:
        counts[name] = info.get(name, 1 if name == "streams" else None)
        if isinstance(counts[name], bool) or not isinstance(counts[name], int | None):
            raise InvalidResultsError(
                f"{where}: {name} is {info[name]!r}, no count: the file is damaged, measure again."
            )
    return counts


def _samples(where: str, benchmark: Info, info: Info, images: int) -> Samples:
    if "samples_ns" in info:
        processes = info["samples_ns"]
        if not isinstance(processes, list) or not all(isinstance(process, list) for process in processes):
            raise InvalidResultsError(
                f"{where}: samples_ns is not a list a process: the file is damaged, measure again."
            )
        samples = Samples.of(*processes)
        return samples if images == 1 else Samples.of(*(series / images for series in samples.arrays))
    seconds = (benchmark.get("stats") or {}).get("data")
    if not seconds:
        raise InvalidResultsError(
            f"{where} was saved without its durations: save with --benchmark-json or --benchmark-save-data."
        )
    return Samples.of_seconds([second / images for second in seconds])


def _accuracy(where: str, info: Info) -> Mapping[str, float]:
    accuracy = info.get("accuracy")
    if not isinstance(accuracy, dict) or not isinstance(accuracy.get("AP"), int | float):
        raise InvalidResultsError(f"{where} has no AP in its accuracy: measure it again.")
    if not (0 <= accuracy["AP"] <= 1 or accuracy["AP"] == NO_TRUTH):
        raise InvalidResultsError(
            f"{where} has an AP of {accuracy['AP']}, which is not between 0 and 1: measure it again."
        )
    return accuracy


def _undefined(info: Info) -> str | None:
    if info["accuracy"]["AP"] != NO_TRUTH:
        return None
    return f"AP is {NO_TRUTH}, for the images hold no object of the ground truth"


def _in_turn(where: str, info: Info) -> Mapping[str, tuple[float, float, float]]:
    figures: dict[str, tuple[float, float, float]] = {}
    kept = info.get("in_turn") or {}
    if not isinstance(kept, dict):
        raise InvalidResultsError(f"{where}: in_turn is {kept!r}, not figures by name: the file is damaged.")
    for name, figure in kept.items():
        try:
            value, low, high = (float(figure[end]) for end in ("value", "low", "high"))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidResultsError(f"{where}: in_turn.{name} is {figure!r}, which is no figure.") from error
        if not 0 < low <= value <= high < float("inf"):
            raise InvalidResultsError(f"{where}: in_turn.{name} is {figure!r}, which is impossible: measure it again.")
        figures[name] = value, low, high
    return figures


def _positive(where: str, info: Info, name: str) -> float | None:
    value = info.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InvalidResultsError(f"{where}: {name} is {value!r}, which is impossible: measure it again.")
    return float(value)


def _conditions(info: Info) -> Mapping[str, object]:
    conditions = {name: info[name] for name in CONDITIONS if info.get(name) is not None}
    data = conditions.get("data")
    if isinstance(data, dict) and "digest" in data:  # where equal data lies does not matter
        conditions["data"] = {name: value for name, value in data.items() if name != "origin"}
    return conditions | {name: value for name, value in (info.get("versions") or {}).items() if value is not None}


def _identity(machine_info: Info) -> Mapping[str, object]:
    identity = machine_info.get("identity")
    if isinstance(identity, dict):
        return identity
    cpu = machine_info.get("cpu") or {}  # a plain pytest-benchmark file says this much
    known = {"cpu_model": cpu.get("brand_raw"), "cores": cpu.get("count"), "kernel": machine_info.get("release")}
    return {name: value for name, value in known.items() if value is not None}
