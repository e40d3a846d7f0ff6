from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.verdicts.limits import LIMITS, CaseLimits, isa_tier, read_thresholds

RULES = """
[[rule]]
max_slowdown = 0.05

[[rule]]
kind = "latency"
precision = "int8*"
batch_size = [1, 2]
max_p99_over_p50 = 2
max_slowdown = 0.03
min_speedup = { AMX = 6.0, VNNI = 2.5 }

[[rule]]
precision = ["fp32", "bf16"]
kind = "acc*"
max_ap_loss = 0.01

[[rule]]
precision = "int4"
min_yardstick_share = 0.5
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "thresholds.toml"
    path.write_text(text)
    return path


def test_rules_match_by_pattern_and_the_later_one_counts(tmp_path: Path) -> None:
    thresholds = read_thresholds(written(tmp_path, RULES))
    latency = thresholds.match(Case("latency", "int8", 1).parameters)
    assert latency == CaseLimits(0.03, {"AMX": 6.0, "VNNI": 2.5}, None, 2.0, None)
    assert thresholds.match(Case("latency", "int8-mixed", 2).parameters).max_slowdown == 0.03
    assert thresholds.match(Case("latency", "int8", 12).parameters) == CaseLimits(max_slowdown=0.05)
    assert thresholds.match(Case("accuracy", "bf16").parameters) == CaseLimits(max_ap_loss=0.01)
    assert thresholds.match({}) == CaseLimits(max_slowdown=0.05)


def test_absolute_limits_hold_on_the_machine_that_the_rule_names(tmp_path: Path) -> None:
    rules = """
        [[rule]]
        machine = "*EPYC*"
        max_median_ms = 45
        [[rule]]
        machine = ["*Xeon*", "Example 9?00"]
        max_median_ms = 30
        min_images_per_second = 20
    """
    thresholds = read_thresholds(written(tmp_path, rules))
    parameters = Case("latency", "int8", 1).parameters
    assert thresholds.match(parameters | {"machine": "AMD EPYC 9R14"}).asked(None) == {"max_median_ms": 45}
    on_example = thresholds.match(parameters | {"machine": "Example 9000"})
    assert on_example.asked(None) == {"max_median_ms": 30, "min_images_per_second": 20}
    assert thresholds.match(parameters | {"machine": "Another"}).asked(None) == {}
    assert [rule.number for rule in thresholds.unmatched([parameters | {"machine": "Example 9000"}])] == [1]


def test_a_case_is_asked_only_for_limits_that_it_has_the_figure_for(tmp_path: Path) -> None:
    every = "\n".join(f"{name} = 0.5" for name in LIMITS if name != "min_speedup")
    thresholds = read_thresholds(written(tmp_path, f"[[rule]]\n{every}\nmin_speedup = {{ AMX = 6.0 }}\n"))
    assert set(thresholds.match(Case("accuracy", "int8").parameters).asked("AMX")) == {"max_ap_loss", "min_ap"}
    latency = thresholds.match(Case("latency", "int8").parameters)
    assert set(latency.asked("AMX")) == {*LIMITS} - {"max_slowdown", "max_ap_loss", "min_ap", "min_rate"}
    assert set(thresholds.match(Case("server", "int8").parameters).asked("AMX")) == {"min_rate", "max_p99_ms"}
    assert "min_speedup" not in latency.asked("VNNI"), "the rule does not name it"
    assert "min_speedup" not in latency.asked(None)


def test_the_names_of_before_are_read_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, "[[rule]]\nlargest_slowdown = 0.1\nleast_speedup = { AMX = 3 }\n")
    thresholds = read_thresholds(path)
    assert thresholds.match({}) == CaseLimits(max_slowdown=0.1, min_speedup={"AMX": 3.0})
    assert thresholds.renamed == (
        f"{path}: largest_slowdown is now called max_slowdown.",
        f"{path}: least_speedup is now called min_speedup.",
    )


def test_tuned_is_yes_or_no(tmp_path: Path) -> None:
    rules = "[[rule]]\ntuned = true\nmax_slowdown = 0.1\n[[rule]]\ntuned = false\nmax_slowdown = 0.2\n"
    thresholds = read_thresholds(written(tmp_path, rules))
    tuned, fixed = Case("throughput", "int8", tuned=True), Case("throughput", "int8", 1, 1, 2)
    assert thresholds.match(tuned.parameters).max_slowdown == 0.1
    assert thresholds.match(fixed.parameters).max_slowdown == 0.2


def test_rules_that_match_nothing_are_told(tmp_path: Path) -> None:
    thresholds = read_thresholds(written(tmp_path, RULES))
    cases = [case.parameters for case in (Case("latency", "int8", 1), Case("accuracy", "fp32"))]
    assert [str(rule) for rule in thresholds.unmatched(cases)] == ["rule 4 (precision = int4)"]
    assert [rule.number for rule in thresholds.unmatched(iter(cases[:1]))] == [3, 4]
    assert [rule.number for rule in thresholds.unmatched([])] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[rule]]\nlargest_slowdon = 0.1", "rule 1: unknown key 'largest_slowdon': known are kind, precision"),
        ("[[rule]]\nmax_slowdown = -0.1", "rule 1: max_slowdown = -0.1 is no limit"),
        ("[[rule]]\nmax_slowdown = nan", "max_slowdown = nan is no limit"),
        ("[[rule]]\nmax_slowdown = inf", "max_slowdown = inf is no limit"),
        ("[[rule]]\nmax_slowdown = '5 %'", "max_slowdown = '5 %' is no limit"),
        ("[[rule]]\nmax_slowdown = true", "max_slowdown = True is no limit"),
        ("[[rule]]\nmin_speedup = 3", "min_speedup = 3 names no ISA"),
        ("[[rule]]\nmin_speedup = {}", "names no ISA"),
        ("[[rule]]\nmin_speedup = { SSE = 1 }", "min_speedup: unknown key 'SSE': known are AMX, VNNI, AVX2"),
        ("[[rule]]\nmin_speedup = { AMX = -1 }", "min_speedup.AMX = -1 is no limit"),
        ("[[rule]]\nkind = 'latency'", "rule 1 sets no limit"),
        ("[[rule]]\nkind = 'latency'\nmin_ap = 0.2", "rule 1: a case of kind latency has no figure for min_ap"),
        ("[[rule]]\nkind = ['acc*', 'profile']\nmax_p99_ms = 1", "a case of kind acc.* or profile has no figure"),
        ("[[rule]]\nmax_slowdown = 1\nlargest_slowdown = 2", "rule 1 gives max_slowdown twice"),
        ("[[rule]]\nmachine = true\nmin_ap = 0.2", "machine = True is no pattern"),
        ("[[rule]]\nkind = []\nmax_slowdown = 1", "kind = .* is no pattern"),
        ("[[rule]]\nbatch_size = 1.5\nmax_slowdown = 1", "batch_size = 1.5 is no pattern"),
        ("[[rule]]\nbatch_size = true\nmax_slowdown = 1", "batch_size = True is no pattern"),
        ("[[rules]]\nmax_slowdown = 1", "unknown key 'rules'"),
        ("rule = 3", "holds no rule"),
        ("", "holds no rule"),
        ("[[rule]\n", "is not TOML"),
    ],
)
def test_mistakes_name_the_file_and_the_key(text: str, words: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=words) as error:
        read_thresholds(path)
    assert str(path) in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_thresholds(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is not TOML"):
        read_thresholds(tmp_path / "binary.toml")


@pytest.mark.parametrize(
    ("flags", "tier"),
    [
        (["avx2", "avx512_vnni", "amx_int8"], "AMX"),
        (["avx2", "avx512_vnni"], "VNNI"),
        (["avx2", "avx_vnni"], "VNNI"),
        (["avx2", "amx_tile"], "AVX2"),
        (["sse4_2"], None),
        ([], None),
    ],
)
def test_isa_tiers(flags: list[str], tier: str | None) -> None:
    assert isa_tier(flags) == tier


def test_the_thresholds_of_the_repository_are_valid_and_each_rule_matches_a_case() -> None:
    thresholds = read_thresholds(Path(__file__).parents[2] / "bench" / "thresholds.toml")
    kinds, precisions = ("throughput", "latency", "accuracy"), ("fp32", "bf16", "int8")
    cases = [Case(kind, precision, 1, 1, 2) for kind in kinds for precision in precisions]
    assert thresholds.unmatched(case.parameters for case in cases) == ()
    assert thresholds.renamed == ()
    asked = {name for case in cases for name in thresholds.match(case.parameters).asked("AMX")}
    assert asked == {"min_speedup", "min_yardstick_share", "max_ap_loss"}
