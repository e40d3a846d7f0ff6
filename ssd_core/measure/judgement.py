"""Judgement: a case's figures held against its limits, one finding a limit, each with the figures in its text."""

from dataclasses import dataclass

from ssd_core.measure.limits import CaseLimits


@dataclass(frozen=True)
class Figures:
    """What a run found out about one case, None where it did not."""

    isa: str | None = None  # of `limits.isa_tier`
    speedup: float | None = None  # over the fp32 case of the same run; None for the fp32 case itself
    yardstick_share: float | None = None
    p99_over_p50: float | None = None
    ap_loss: float | None = None  # AP of the fp32 case of the same run less this case's


@dataclass(frozen=True)
class Finding:
    """One limit: what it allows, what was found, and whether it is kept, None where that cannot be told."""

    limit: str
    allowed: float
    found: float | None
    kept: bool | None
    text: str


def judge(limits: CaseLimits, figures: Figures) -> tuple[Finding, ...]:
    """One finding for each limit that the case has, largest_slowdown apart, which `compare` decides.

    A figure that is missing is a finding too, since a limit that was not looked at has not been kept. A CPU whose ISA
    `least_speedup` does not name is not asked for a speed-up.
    """
    findings = []
    least = limits.least_speedup.get(figures.isa) if figures.isa else None
    if least is not None:
        mend = "measure fp32 in the same run (--precision fp32,int8)"
        findings.append(_finding("least_speedup", least, figures.speedup, f"speed-up over fp32 on {figures.isa}", mend))
    if limits.least_yardstick_share is not None:
        allowed, mend = limits.least_yardstick_share, "measure it with the yardstick"
        findings.append(_finding("least_yardstick_share", allowed, figures.yardstick_share, "share of yardstick", mend))
    if limits.largest_p99_over_p50 is not None:
        allowed, mend = limits.largest_p99_over_p50, "a p99 wants 662 samples (--steps 662)"
        findings.append(_finding("largest_p99_over_p50", allowed, figures.p99_over_p50, "p99/p50", mend))
    if limits.largest_ap_loss is not None:
        allowed, mend = limits.largest_ap_loss, "measure the accuracy of fp32 in the same run"
        findings.append(_finding("largest_ap_loss", allowed, figures.ap_loss, "AP loss", mend))
    return tuple(findings)


def _finding(limit: str, allowed: float, found: float | None, figure: str, mend: str) -> Finding:
    bound = "at least" if limit.startswith("least") else "at most"
    if found is None:
        return Finding(limit, allowed, None, None, f"{figure} is not known, {bound} {allowed:g} is asked: {mend}")
    kept = found >= allowed if bound == "at least" else found <= allowed
    return Finding(limit, allowed, found, kept, f"{figure} is {found:.3g}, {bound} {allowed:g} is asked")
