"""Moments: dates of files and of commits, in seconds since 1970."""

import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.results.point import Point


def seconds_of(text: str) -> float | None:
    """The seconds of an ISO date, which is UTC if it names no zone; None if it is no date."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def day_of(seconds: float) -> str:
    """As in `2026-11-26`."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def moment_of(wanted: str, points: Iterable[Point], root: Path) -> float:
    """The moment of a date or of a revision, which is one of the points' or git's; UserError if it is neither."""
    if (moment := seconds_of(wanted)) is not None:
        return moment
    named = {point.commit: point.time for point in points if point.commit and point.commit.startswith(wanted.lower())}
    if len(named) == 1:
        return next(iter(named.values()))
    git = ["git", "-C", str(root), "show", "--no-patch", "--format=%cI", f"{wanted}^{{commit}}", "--"]
    try:
        answer = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        answer = ""
    if (moment := seconds_of(answer)) is not None:
        return moment
    raise UserError(f"--since {wanted} is neither a date nor a revision: give one as in 2026-11-26, or a commit.")
