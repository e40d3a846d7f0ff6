import dataclasses

import pytest

from ssd_core.measure.judgement import Figures, judge
from ssd_core.measure.limits import CaseLimits

LIMITS = CaseLimits(0.03, {"AMX": 6.0, "VNNI": 2.0}, 0.5, 1.5, 0.01)
GOOD = Figures(isa="VNNI", speedup=2.0, yardstick_share=0.5, p99_over_p50=1.5, ap_loss=0.01)


def test_a_figure_at_its_limit_keeps_it() -> None:
    findings = judge(LIMITS, GOOD)
    assert [finding.limit for finding in findings] == [
        "least_speedup",
        "least_yardstick_share",
        "largest_p99_over_p50",
        "largest_ap_loss",
    ]
    assert all(finding.kept for finding in findings)


@pytest.mark.parametrize(
    ("figure", "value", "text"),
    [
        ("speedup", 1.9, "speed-up over fp32 on VNNI is 1.9, at least 2 is asked"),
        ("yardstick_share", 0.4, "share of yardstick is 0.4, at least 0.5 is asked"),
        ("p99_over_p50", 1.6, "p99/p50 is 1.6, at most 1.5 is asked"),
        ("ap_loss", 0.02, "AP loss is 0.02, at most 0.01 is asked"),
    ],
)
def test_a_broken_limit_gives_the_figures(figure: str, value: float, text: str) -> None:
    figures = Figures(**(dataclasses.asdict(GOOD) | {figure: value}))
    broken = [finding for finding in judge(LIMITS, figures) if not finding.kept]
    assert [(finding.kept, finding.text) for finding in broken] == [(False, text)]


@pytest.mark.parametrize("figure", ["speedup", "yardstick_share", "p99_over_p50", "ap_loss"])
def test_a_figure_that_is_missing_has_not_kept_its_limit(figure: str) -> None:
    missing = [finding for finding in judge(LIMITS, dataclasses.replace(GOOD, **{figure: None})) if not finding.kept]
    assert [finding.kept for finding in missing] == [None]
    assert "is not known" in missing[0].text


def test_only_what_is_asked_is_judged() -> None:
    assert judge(CaseLimits(), Figures()) == ()
    assert judge(CaseLimits(least_speedup={"AMX": 6.0}), dataclasses.replace(GOOD, isa="AVX2", speedup=1.0)) == ()
    assert judge(CaseLimits(least_speedup={"AMX": 6.0}), dataclasses.replace(GOOD, isa=None, speedup=1.0)) == ()
