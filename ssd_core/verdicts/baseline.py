"""Against a baseline: whether a case is no worse than its result there, with further series until that is clear."""

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ssd_core.machine import identity
from ssd_core.results.conditions import unlike_hardware, unlike_settings
from ssd_core.results.run import Run
from ssd_core.results.schema import Result
from ssd_core.verdicts.asked import limits_of
from ssd_core.verdicts.compare import LIMIT, Verdict
from ssd_core.verdicts.judgement import Finding, settle
from ssd_core.verdicts.ledger import Outcome
from ssd_core.verdicts.limits import Thresholds
from ssd_core.verdicts.report import LARGEST_AP_LOSS, compare_results

OUTCOMES = {
    Verdict.REGRESSION: Outcome.BROKEN,
    Verdict.IMPROVEMENT: Outcome.IMPROVED,
    Verdict.NO_CHANGE: Outcome.KEPT,
    Verdict.TOO_NOISY: Outcome.TOO_NOISY,
    Verdict.INCOMPARABLE: Outcome.INCOMPARABLE,
    Verdict.MISSING: Outcome.MISSING,
}


class Growing(Protocol):
    """A case of which more series can be measured."""

    def measure_on(self) -> Result:
        """Measure one more series, in a new worker; the result of all of them."""


def against_baseline(
    baseline: Run, result: Result, thresholds: Thresholds, live: Growing | None, seconds: float
) -> Finding:
    """A result compared with the baseline's; if that is not clear, further series are taken for so many seconds."""
    limits = limits_of(result.case, thresholds)
    looks, latest = 0, result

    def measure_on() -> None:
        nonlocal latest
        assert live is not None
        latest = live.measure_on()

    def look() -> Finding:
        nonlocal looks
        looks += 1
        now = Run(Path("this run"), identity.of_this_machine(), (latest,))
        comparison = compare_results(
            baseline.compared.get(latest.case.key),
            latest,
            LIMIT if limits.max_slowdown is None else limits.max_slowdown,
            largest_ap_loss=LARGEST_AP_LOSS if limits.max_ap_loss is None else limits.max_ap_loss,
            unlike=(*unlike_hardware(baseline, now), *unlike_settings(baseline, now)),
            look=looks,
        )
        return Finding(OUTCOMES[comparison.verdict], f"{comparison.verdict}: {comparison.reason}")

    finding = settle(look, measure_on, 0.0 if live is None else seconds)
    return finding if latest is result else replace(finding, result=latest)
