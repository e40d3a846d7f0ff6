"""The ledger of a run: everything that it was asked, entered before it measures, and how each entry ended.

The exit status follows from the ledger alone, even if cases were deselected, reordered or skipped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MEASURE = "measure"
"""The first entry of every case: it has to give a result."""
RUN = "run"
"""The subject of entries that belong to no single case."""
_QUICK = "few samples of each case, with --quick"


class Outcome(StrEnum):
    """How an entry ended. Only the first two let a run pass."""

    KEPT = "kept"
    IMPROVED = "improved"
    BROKEN = "broken"
    TOO_NOISY = "too noisy to tell"
    INCOMPARABLE = "incomparable"
    MISSING = "missing"
    NOT_JUDGED = "not judged"

    @property
    def passes(self) -> bool:
        """Whether a run with this outcome may end with status 0."""
        return self in (Outcome.KEPT, Outcome.IMPROVED)


@dataclass(frozen=True)
class Entry:
    """One thing that was asked, of a case such as `latency int8-batch1-intra2`, or of the whole `run`."""

    subject: str
    asked: str
    """`measure`, a limit by name, `baseline NAME`, or `save PATH`."""
    outcome: Outcome
    reason: str

    def as_json(self) -> dict[str, str]:
        """The entry as a results file holds it."""
        return {"subject": self.subject, "asked": self.asked, "outcome": str(self.outcome), "reason": self.reason}

    def __str__(self) -> str:
        """As in `min_speedup broken: speed-up is 1.8 ...`; without the subject."""
        return f"{self.asked} {self.outcome}: {self.reason}"


class Ledger:
    """Entries in the order they were asked. Call `ask` first, then `end`; an entry without `end` is not judged.

    A `quick` run has few samples, so an entry that is too noisy to tell is shown, and does not fail it.
    """

    def __init__(self, quick: bool = False) -> None:
        self._quick = quick
        self._entries: dict[tuple[str, str], Entry | None] = {}
        self._not_asked: list[str] = []
        self._open_reason = "the run ended before it"

    def ask(self, subject: str, asked: str) -> None:
        """Enter what is asked; asking again changes nothing."""
        self._entries.setdefault((subject, asked), None)

    def reopen(self, subject: str) -> None:
        """Forget the outcomes of a subject's entries, because it is measured again."""
        for key in self._entries:
            if key[0] == subject:
                self._entries[key] = None

    def end(self, subject: str, asked: str, outcome: Outcome, reason: str) -> Entry:
        """End an entry. KeyError if it was not asked: every judgement must be asked first."""
        if (subject, asked) not in self._entries:
            raise KeyError(f"{asked} was not asked of {subject}.")
        entry = self._entries[subject, asked] = Entry(subject, asked, outcome, reason)
        return entry

    def end_open(self, subject: str, reason: str) -> None:
        """End all open entries of a subject as not judged."""
        for asked in self.open_of(subject):
            self.end(subject, asked, Outcome.NOT_JUDGED, reason)

    def stop(self, reason: str) -> None:
        """Say why the run ended before its last case; open entries give this as their reason."""
        self._open_reason = reason

    def leave_out(self, line: str) -> None:
        """Note in one line what is not asked because of a selection, this CPU or a baseline."""
        if line not in self._not_asked:
            self._not_asked.append(line)

    def open_of(self, subject: str) -> list[str]:
        """What is asked of a subject and is still open."""
        return [asked for (of, asked), entry in self._entries.items() if of == subject and entry is None]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry in its present state, grouped by subject."""
        subjects = list(dict.fromkeys(subject for subject, _ in self._entries))
        keys = sorted(self._entries, key=lambda key: subjects.index(key[0]))
        return tuple(self._entries[key] or Entry(*key, Outcome.NOT_JUDGED, self._open_reason) for key in keys)

    @property
    def not_asked(self) -> tuple[str, ...]:
        """The lines about what was not asked."""
        return tuple(self._not_asked)

    @property
    def measured(self) -> int:
        """How many cases gave a result."""
        return sum(entry.asked == MEASURE and entry.outcome.passes for entry in self.entries)

    @property
    def cases(self) -> int:
        """How many cases were asked for a result."""
        return sum(entry.asked == MEASURE for entry in self.entries)

    @property
    def partial(self) -> str | None:
        """Why the run is no baseline, as in `1 of 6 cases measured`; None if every case gave a whole result."""
        reasons = [_QUICK] if self._quick else []
        if self.measured != self.cases:
            reasons.append(f"{self.measured} of {self.cases} cases measured")
        return "; ".join(reasons) or None

    def fails(self, entry: Entry) -> bool:
        """Whether an entry keeps the run from passing."""
        return not entry.outcome.passes and not (self._quick and entry.outcome is Outcome.TOO_NOISY)

    @property
    def failing(self) -> tuple[Entry, ...]:
        """The entries that keep the run from passing."""
        return tuple(filter(self.fails, self.entries))

    @property
    def passes(self) -> bool:
        """Whether something was measured and every entry passes."""
        return self.measured > 0 and not self.failing

    def of(self, subject: str) -> Iterator[Entry]:
        """The entries of one subject that have ended."""
        return (entry for (name, _), entry in self._entries.items() if name == subject and entry is not None)
