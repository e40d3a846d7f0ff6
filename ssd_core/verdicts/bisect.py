"""Bisect: the exit statuses that `git bisect run` expects, from the verdicts of an A/B run."""

from enum import IntEnum

from ssd_core.verdicts.ledger import Ledger, Outcome


class BisectStatus(IntEnum):
    """How a revision is, as `git bisect run` reads it."""

    GOOD = 0
    SLOWER = 1
    SKIP = 125
    """It cannot be told: the graph is missing or does not open, a case failed, or the machine is too noisy."""
    STOP = 128
    """A mistake in the command, or an interruption: no other revision would end otherwise."""

    def __str__(self) -> str:
        """As the last line of a run says it."""
        said = {0: "as good as the reference", 1: "slower than the reference", 125: "cannot be told", 128: "stopped"}
        return f"git bisect: {self.value}, {said[self.value]}"


def bisect_status(ledger: Ledger, asked: str) -> BisectStatus:
    """Slower if any case is, good if all are, else it cannot be told; `asked` is what A/B entries are called."""
    outcomes = [entry.outcome for entry in ledger.entries if entry.asked == asked]
    if not outcomes:
        return BisectStatus.STOP
    if Outcome.BROKEN in outcomes:
        return BisectStatus.SLOWER
    return BisectStatus.GOOD if all(outcome.passes for outcome in outcomes) else BisectStatus.SKIP
