"""Tables of a history: a line a series with its trend, and a line a step."""

from collections.abc import Iterator, Sequence

import numpy as np

from ssd_core.output.table import Table
from ssd_core.results.history import History, Series, of_commit
from ssd_core.results.moment import day_of
from ssd_core.results.point import Figure, Point, Value
from ssd_core.stats.figures import OF_AP, PLAIN
from ssd_core.verdicts.compare import describe
from ssd_core.verdicts.history import Change, Judged

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 24  # signs of a trend
_SHORT = 9  # digits of a revision
_DIGITS = {Figure.MEDIAN: PLAIN, Figure.RATE: PLAIN, Figure.AP: OF_AP}


def history_tables(history: History, judged: Sequence[Judged]) -> list[Table]:
    """The series, then their steps."""
    names = names_of([one.series for one in judged])
    rows = [_cells(one, name) for one, name in zip(judged, names, strict=True)]
    notes = [*_unlike(judged, names), *_notes(history)]
    if not any(one.changes for one in judged):
        notes.insert(0, "No step was found.")
    header = ["series", "runs", "trend", "figure", "last", "± 95 %", "to its level", "last step"]
    return [Table(header, rows, notes).filled, steps_table(judged, names)]


def steps_table(judged: Sequence[Judged], names: Sequence[str]) -> Table:
    """A row a step, the newest first."""
    found = [(change, name) for one, name in zip(judged, names, strict=True) for change in one.changes]
    found.sort(key=lambda pair: (-pair[0].after.time, pair[1]))
    header = ["step in", "commits", "date", "size", "95 % interval", "confidence", "of", "state"]
    return Table(header, [_step(*pair) for pair in found])


def names_of(series: Sequence[Series]) -> list[str]:
    """The names of series; a letter tells apart those of one case."""
    names = [one.name for one in series]
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if names.count(name) == 1 else f"{name} ({seen[name]})")
    return told


def trend(values: Sequence[float]) -> str:
    """The values as bars from their lowest to their highest, each of the median of its neighbours if they are many."""
    parts = np.array_split(np.asarray(values, dtype=np.float64), min(_WIDTH, len(values)))
    medians = np.array([np.median(part) for part in parts])
    span = float(np.ptp(medians))
    places = np.zeros(len(medians)) if span == 0 else (medians - medians.min()) / span * (len(_BARS) - 1)
    return "".join(_BARS[round(place)] for place in places)


def commits_of(change: Change) -> str:
    """As in `1a2b3c4d5..6e7f8a9b0`: git's name for the commits among which the step is."""
    return f"{commit_of(change.before)}..{commit_of(change.after)}"


def commit_of(point: Point) -> str:
    """The short revision of a point; a plus says that files differed from it, and without one it is the day."""
    return f"{point.commit[:_SHORT]}{'+' if point.changed else ''}" if point.commit else day_of(point.run_time)


def state_of(change: Change) -> str:
    """Whether a step down needs somebody: `open`, or why not; empty for a step up."""
    if not change.worse:
        return "better"
    if change.acknowledged is not None:
        return f"acknowledged: {change.acknowledged.why}"
    return "open" if change.open else "of the machine" if change.source.value == "machine" else "made up for"


def _cells(judged: Judged, name: str) -> list[str]:
    value = judged.points[-1].value
    digits, last = _DIGITS[value.figure], judged.changes[-1] if judged.changes else None
    return [
        name,
        str(len(judged.points)),
        trend([point.value.value for point in judged.points]),
        str(value.figure),
        f"{value.value:{digits}}",
        _reach(value),
        describe(judged.since_step),
        "" if last is None else f"{describe(last.ratio)} at {commit_of(last.after)}",
    ]


def _reach(value: Value) -> str:
    """How far the interval reaches on its longer side."""
    if value.high <= value.low:
        return ""
    return f"{max(value.high / value.value - 1, 1 - value.low / value.value):.1%}"


def _step(change: Change, name: str) -> list[str]:
    interval = f"{describe(change.low)} to {describe(change.high)}"
    confidence = f"{min(change.step.confidence, 0.9999):.2%}"
    cells = [name, commits_of(change), day_of(change.after.time), describe(change.ratio), interval, confidence]
    return [*cells, str(change.source), state_of(change)]


def _unlike(judged: Sequence[Judged], names: Sequence[str]) -> Iterator[str]:
    """In which fields the series of one case differ."""
    first: dict[str, tuple[Judged, str]] = {}
    for one, name in zip(judged, names, strict=True):
        other, its_name = first.setdefault(one.series.name, (one, name))
        if other is not one:
            fields = ", ".join(map(str, other.series.unlike(one.series))) or "fields that only one has"
            yield f"{name} differs from {its_name} in {fields}"


def _notes(history: History) -> Iterator[str]:
    files = len(history.left_out)
    yield f"{history.folder}: {history.runs} runs" + (f", {files} files left out:" if files else "")
    yield from history.left_out
    points = [point for series in history.series for point in series.points]
    for one in history.acknowledged:
        if not any(of_commit(point, one.commit) for point in points):
            yield f"The commit {one.commit} is acknowledged ({one.why}), and no run is of it."
