"""Measured: the results of a run so far, and the ledger of what it was asked."""

from datetime import datetime
from pathlib import Path

from ssd_core.coco.matches import Matches
from ssd_core.precisions import REFERENCE
from ssd_core.results.case import Case
from ssd_core.results.schema import Result
from ssd_core.verdicts.judgement import Figure
from ssd_core.verdicts.ledger import Ledger


class Measured:
    """Results by the test that gave each, in the order they were measured."""

    def __init__(self, folder: Path, started: datetime, quick: bool = False) -> None:
        self.folder = folder
        self.started = started
        self.stamp = started.strftime("%Y%m%d_%H%M%S")
        """The end of this run's file names."""
        self.saved: Path | None = None
        """The file of results, once it is written."""
        self.history: Path | None = None
        """The file in the history, once it is added."""
        self.report: Path | None = None
        """The page, once it is written."""
        self.ledger = Ledger(quick)
        self.by_test: dict[str, Result] = {}
        self.matches: dict[str, Matches] = {}
        """The matches of each precision's detections, so that AP can be bootstrapped over images."""

    @property
    def results(self) -> list[Result]:
        """Every result."""
        return list(self.by_test.values())

    def reopen(self, test: str, subject: str) -> None:
        """Forget a test's result and verdicts, because it runs again."""
        self.by_test.pop(test, None)
        self.ledger.reopen(subject)

    def of(self, case: Case) -> Result | None:
        """The newest result of a case, if this run has one."""
        return next((result for result in reversed(self.results) if result.case.key == case.key), None)

    def ap_loss(self, precision: str) -> Figure | None:
        """fp32's AP minus a precision's on the same images, with its interval; None if one was not measured."""
        from ssd_core.coco.resample import ap_loss_interval  # not at the top: pytest's start does not need pycocotools

        reference, own = self.matches.get(REFERENCE), self.matches.get(precision)
        if reference is None or own is None:
            return None
        loss = ap_loss_interval(reference, own)
        return Figure(loss.value, min(loss.low, loss.value), max(loss.high, loss.value))
