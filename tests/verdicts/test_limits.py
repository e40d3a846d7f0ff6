from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.measure.limits import CaseLimits, isa_tier, read_thresholds
from ssd_core.measure.results import Case

RULES = """
[[rule]]
largest_slowdown = 0.05

[[rule]]
kind = "latency"
precision = "int8*"
batch_size = [1, 2]
largest_p99_over_p50 = 2
largest_slowdown = 0.03
least_speedup = { AMX = 6.0, VNNI = 2.5 }

[[rule]]
precision = ["fp32", "bf16"]
kind = "acc*"
largest_ap_loss = 0.01

[[rule]]
precision = "int4"
least_yardstick_share = 0.5
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "thresholds.toml"
    path.write_text(text)
    return path


def test_rules_match_by_pattern_and_the_later_one_counts(tmp_path: Path) -> None:
    thresholds = read_thresholds(written(tmp_path, RULES))
    latency = thresholds.match(Case("latency", "int8", 1).parameters)
    assert latency == CaseLimits(0.03, {"AMX": 6.0, "VNNI": 2.5}, None, 2.0, None)
    assert thresholds.match(Case("latency", "int8-mixed", 2).parameters).largest_slowdown == 0.03
    assert thresholds.match(Case("latency", "int8", 12).parameters) == CaseLimits(largest_slowdown=0.05)
    assert thresholds.match(Case("accuracy", "bf16").parameters) == CaseLimits(0.05, largest_ap_loss=0.01)
    assert thresholds.match({}) == CaseLimits(largest_slowdown=0.05)


def test_tuned_is_yes_or_no(tmp_path: Path) -> None:
    rules = "[[rule]]\ntuned = true\nlargest_slowdown = 0.1\n[[rule]]\ntuned = false\nlargest_slowdown = 0.2\n"
    thresholds = read_thresholds(written(tmp_path, rules))
    tuned, fixed = Case("throughput", "int8", streams=None, tuned=True), Case("throughput", "int8", 1, 1, 2)
    assert thresholds.match(tuned.parameters).largest_slowdown == 0.1
    assert thresholds.match(fixed.parameters).largest_slowdown == 0.2


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
        ("[[rule]]\nlargest_slowdown = -0.1", "rule 1: largest_slowdown = -0.1 is no limit"),
        ("[[rule]]\nlargest_slowdown = nan", "largest_slowdown = nan is no limit"),
        ("[[rule]]\nlargest_slowdown = inf", "largest_slowdown = inf is no limit"),
        ("[[rule]]\nlargest_slowdown = '5 %'", "largest_slowdown = '5 %' is no limit"),
        ("[[rule]]\nlargest_slowdown = true", "largest_slowdown = True is no limit"),
        ("[[rule]]\nleast_speedup = 3", "least_speedup = 3 names no ISA"),
        ("[[rule]]\nleast_speedup = {}", "names no ISA"),
        ("[[rule]]\nleast_speedup = { SSE = 1 }", "least_speedup: unknown key 'SSE': known are AMX, VNNI, AVX2"),
        ("[[rule]]\nleast_speedup = { AMX = -1 }", "least_speedup.AMX = -1 is no limit"),
        ("[[rule]]\nkind = 'latency'", "rule 1 sets no limit"),
        ("[[rule]]\nkind = []\nlargest_slowdown = 1", "kind = .* is no pattern"),
        ("[[rule]]\nbatch_size = 1.5\nlargest_slowdown = 1", "batch_size = 1.5 is no pattern"),
        ("[[rule]]\nbatch_size = true\nlargest_slowdown = 1", "batch_size = True is no pattern"),
        ("[[rules]]\nlargest_slowdown = 1", "unknown key 'rules'"),
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
