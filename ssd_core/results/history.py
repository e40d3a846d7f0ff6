"""History: a folder of results, one plain pytest-benchmark file a run, and what was acknowledged of them.

Files are only ever added, each under a name made of its time and its content. So any number of programs may add at the
same time, the same run is kept once, and a git branch or a bucket of artefacts can hold the folder as well.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from ssd_core.errors import UserError
from ssd_core.files import is_folder, reading, replacing
from ssd_core.garbage import not_collected
from ssd_core.results.case import Case
from ssd_core.results.conditions import UNTOLD, Difference, differences
from ssd_core.results.point import Figure, Point
from ssd_core.results.run import InvalidResultsError, read_run
from ssd_core.results.summary import Origin, Reader

FOLDER = Path(".benchmarks") / "history"
_ACKNOWLEDGED = "acknowledged_"  # how the name of an acknowledgement's file begins
_DIGITS = 16  # of a content's digest in its name
_LEAST_COMMIT = 4  # digits of a revision, as git asks for


@dataclass(frozen=True)
class Series:
    """The points of a case on one machine under one set of conditions, in the order of their commits."""

    case: Case
    figure: Figure
    identity: Mapping[str, object]
    conditions: Mapping[str, object]
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """The case's; several series may have the same."""
        return str(self.case)

    def unlike(self, other: "Series") -> tuple[Difference, ...]:
        """The fields in which the machine or the conditions of another series differ."""
        machine = differences(self.identity, other.identity, UNTOLD)
        return machine + tuple(d for d in differences(self.conditions, other.conditions) if d not in machine)


class Acknowledgement(msgspec.Struct, frozen=True):
    """A step that is known: of which cases (a pattern of their names), at which commit, why, and since when."""

    case: str
    commit: str
    why: str
    date: str

    def covers(self, series: Series, point: Point) -> bool:
        """Whether it is of a point of a series."""
        return fnmatchcase(series.name, self.case) and of_commit(point, self.commit)


@dataclass(frozen=True)
class History:
    """All series of a folder, its acknowledgements, and the reason for each file that is left out."""

    folder: Path
    series: tuple[Series, ...]
    acknowledged: tuple[Acknowledgement, ...]
    left_out: tuple[str, ...]
    runs: int


def read_history(folder: Path, ignore: Iterable[str] = ()) -> History:
    """Read a folder; `ignore` names fields in which points of one series may differ, such as `kernel`.

    UserError if there is no such folder, or no run in it. A damaged file is left out.
    """
    paths = _files(folder)
    reader, left_out, acknowledged = Reader(), [], []
    by_key: dict[bytes, tuple[Origin, list[Point]]] = {}
    keys: dict[int, tuple[Origin, bytes]] = {}
    with not_collected():  # it takes a third of the time of reading hundreds of thousands of points
        for path in paths:
            try:
                if path.name.startswith(_ACKNOWLEDGED):
                    acknowledged.append(_acknowledgement(path))
                    continue
                found = reader.read(path)
            except UserError as error:
                left_out.append(str(error))
                continue
            for origin, point in found:
                known = keys.get(id(origin))
                if known is None:  # with the origin, so that no other one takes its id
                    known = keys[id(origin)] = origin, _key(origin, frozenset(ignore))
                by_key.setdefault(known[1], (origin, []))[1].append(point)
    if not by_key:
        problem = f" ({left_out[0]})" if left_out else ""
        raise UserError(f"{folder} holds no run{problem}: add one with `pytest bench --save-history {folder}`.")
    series = [
        Series(one.case, points[0].value.figure, one.identity, one.conditions, tuple(sorted(points, key=_order)))
        for one, points in by_key.values()
    ]
    series.sort(key=lambda one: (one.name, -one.points[-1].time))
    runs = len(paths) - len(left_out) - len(acknowledged)
    return History(folder, tuple(series), tuple(acknowledged), tuple(left_out), runs)


def add(files: Sequence[Path], folder: Path) -> list[Path]:
    """Add runs that `pytest bench` saved, and return the files that were not there yet.

    UserError, with nothing added, if a file is missing, damaged or of a partial run, or if the folder is a file.
    """
    made = [_stored(path) for path in files]
    return [path for name, content in made if (path := _written(folder / name, content)) is not None]


def acknowledge(history: History, case: str, commit: str, why: str) -> Path:
    """Add an acknowledgement; UserError, with nothing added, if it is of no point of the history."""
    named = [one for one in history.series if fnmatchcase(one.name, case)]
    if not named:
        raise UserError(f"No case is called {case!r}: {_names(history.series)}.")
    if len(commit) < _LEAST_COMMIT or not any(of_commit(point, commit) for one in named for point in one.points):
        raise UserError(f"No run of {case} is of the commit {commit!r}: `history` lists the commits of each step.")
    date = datetime.now(UTC).isoformat(timespec="seconds")
    content = msgspec.json.encode(Acknowledgement(case, commit, why, date))
    path = history.folder / f"{_ACKNOWLEDGED}{_name(date, content)}"
    _written(path, content)
    return path


def chosen(history: History, pattern: str) -> tuple[Series, ...]:
    """The series whose names hold a pattern, in which * stands for anything; UserError if there is none."""
    found = tuple(one for one in history.series if fnmatchcase(one.name, f"*{pattern}*"))
    if not found:
        raise UserError(f"No case matches --case {pattern}: {_names(history.series)}.")
    return found


def of_commit(point: Point, commit: str) -> bool:
    """Whether a point is of a commit, which the first digits of its revision name."""
    return bool(point.commit) and point.commit.startswith(commit.lower())


def _files(folder: Path) -> list[Path]:
    if not is_folder(folder):
        raise UserError(f"{folder} is no folder of a history: make one with `pytest bench --save-history {folder}`.")
    with reading(str(folder), "check its permissions"):
        return sorted(path for path in folder.iterdir() if path.suffix == ".json" and not path.name.startswith("."))


def _order(point: Point) -> tuple[float, float, str]:
    return point.order


def _key(origin: Origin, ignore: frozenset[str]) -> bytes:
    """Equal for two points of one series. A field that a file lacks is a value of its own: it may be anything."""
    machine = {name: value for name, value in origin.identity.items() if name not in {*UNTOLD, *ignore}}
    conditions = {name: value for name, value in origin.conditions.items() if name not in ignore}
    return json.dumps([str(origin.case), machine, conditions], sort_keys=True).encode()


def _stored(path: Path) -> tuple[str, bytes]:
    """The name and the content of a run in a history: without spaces, and without a second copy of its durations."""
    run = read_run(path)
    if run.partial:
        raise UserError(f"{path} is of a partial run ({run.partial}), which is no point of a series: measure it again.")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for benchmark in document["benchmarks"]:
        if "samples_ns" in benchmark["extra_info"]:
            benchmark["stats"].pop("data", None)
    content = msgspec.json.encode(document)
    return _name(run.ended, content), content


def _name(date: str, content: bytes) -> str:
    """As in `20261126T101500_0123456789abcdef.json`."""
    digits = "".join(filter(str.isalnum, date.partition(".")[0].partition("+")[0]))
    return f"{digits}_{hashlib.sha256(content).hexdigest()[:_DIGITS]}.json"


def _written(path: Path, content: bytes) -> Path | None:
    """Write a file unless it is there; a program that writes the same name at this moment writes the same bytes."""
    if path.exists():
        return None
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def _acknowledgement(path: Path) -> Acknowledgement:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Acknowledgement)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidResultsError(
            f"{path} is no acknowledgement: remove it, and acknowledge the step again."
        ) from error


def _names(series: Sequence[Series]) -> str:
    return f"the history has {', '.join(dict.fromkeys(one.name for one in series))}"
