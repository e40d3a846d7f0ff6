"""Limits: the thresholds file, TOML, whose rules say by pattern what a case may and may not do.

    [[rule]]
    kind = "throughput"                         # patterns over the case's parameters: text with * and ?, a number,
    precision = "int8*"                         # or a list of them; one that is left out matches every case
    batch_size = [1, 8]
    largest_slowdown = 0.03                     # against the baseline: 0.03 is 3 %
    least_speedup = { AMX = 6.0, VNNI = 2.0 }   # over fp32 in the same run, by the CPU's best int8 instructions
    least_yardstick_share = 0.4                 # of what the machine's yardstick reaches
    largest_p99_over_p50 = 1.5
    largest_ap_loss = 0.01                      # in AP, against the fp32 case and against the baseline

Where several rules match a case, the later one counts, limit by limit.
"""

import dataclasses
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.measure.results import PARAMETERS

ISA_TIERS = {  # best first: the flags, as /proc/cpuinfo names them, any of which makes a CPU one of its tier
    "AMX": ("amx_int8",),
    "VNNI": ("avx512_vnni", "avx_vnni"),
    "AVX2": ("avx2",),
}

Pattern = tuple[str, ...]
Parameters = Mapping[str, object]


@dataclass(frozen=True)
class CaseLimits:
    """What one case has to keep; a limit that is None, or an ISA that is not named, is not asked of it."""

    largest_slowdown: float | None = None
    least_speedup: Mapping[str, float] = field(default_factory=dict)
    least_yardstick_share: float | None = None
    largest_p99_over_p50: float | None = None
    largest_ap_loss: float | None = None


LIMITS = tuple(limit.name for limit in dataclasses.fields(CaseLimits))


@dataclass(frozen=True)
class Rule:
    """Patterns over a case's parameters, and the limits of the cases that match all of them."""

    number: int  # the rule's place in the file, from 1
    patterns: Mapping[str, Pattern]
    limits: Mapping[str, float | Mapping[str, float]]

    def matches(self, case: Parameters) -> bool:
        """Whether every pattern matches the case's parameter of that name."""
        return all(
            case.get(name) is not None and any(fnmatchcase(str(case[name]), pattern) for pattern in patterns)
            for name, patterns in self.patterns.items()
        )

    def __str__(self) -> str:
        """The rule's number and patterns, to find it by."""
        patterns = ", ".join(f"{name} = {' or '.join(values)}" for name, values in self.patterns.items())
        return f"rule {self.number} ({patterns or 'every case'})"


@dataclass(frozen=True)
class Thresholds:
    """The rules of one thresholds file."""

    path: Path
    rules: tuple[Rule, ...]

    def match(self, case: Parameters) -> CaseLimits:
        """The limits of a case, given by its parameters' names and values."""
        limits: dict[str, float | Mapping[str, float]] = {}
        for rule in self.rules:
            if rule.matches(case):
                limits.update(rule.limits)
        return CaseLimits(**limits)  # type: ignore[arg-type]  # each limit was checked for its name when read

    def unmatched(self, cases: Iterable[Parameters]) -> tuple[Rule, ...]:
        """The rules that match none of the cases: a misspelt pattern guards nothing, and has to be said."""
        known = list(cases)
        return tuple(rule for rule in self.rules if not any(rule.matches(case) for case in known))


def read_thresholds(path: Path) -> Thresholds:
    """Read a thresholds file; UserError when it cannot be read, is no TOML, or a rule has an unknown key or value."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): name a thresholds file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not TOML ({error}): mend it there.") from error
    for key in content:
        if key != "rule":
            raise UserError(f"{path}: unknown key {key!r}: the file holds [[rule]] tables and nothing else.")
    rules = content.get("rule", [])
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
        raise UserError(f"{path} holds no rule: write one or more [[rule]] tables.")
    return Thresholds(
        path, tuple(_rule(f"{path}: rule {number}", number, rule) for number, rule in enumerate(rules, 1))
    )


def isa_tier(isa_flags: Iterable[str]) -> str | None:
    """The best int8 instructions of a CPU with these flags: AMX, VNNI or AVX2; None with none of them."""
    flags = set(isa_flags)
    return next((tier for tier, wanted in ISA_TIERS.items() if flags.intersection(wanted)), None)


def _rule(where: str, number: int, table: Mapping[str, object]) -> Rule:
    patterns: dict[str, Pattern] = {}
    limits: dict[str, float | Mapping[str, float]] = {}
    for key, value in table.items():
        if key in PARAMETERS:
            # Of the parameters this alone is yes or no.
            tuned = key == "tuned" and isinstance(value, bool)
            patterns[key] = (str(value),) if tuned else _pattern(f"{where}: {key}", value)
        elif key == "least_speedup":
            limits[key] = _by_isa(f"{where}: {key}", value)
        elif key in LIMITS:
            limits[key] = _limit(f"{where}: {key}", value)
        else:
            known = ", ".join((*PARAMETERS, *LIMITS))
            raise UserError(f"{where}: unknown key {key!r}: known are {known}.")
    if not limits:
        raise UserError(f"{where} sets no limit: give it one of {', '.join(LIMITS)}.")
    return Rule(number, patterns, limits)


def _pattern(where: str, value: object) -> Pattern:
    values = value if isinstance(value, list) else [value]
    if not values or any(isinstance(one, bool) or not isinstance(one, str | int) for one in values):
        raise UserError(f"{where} = {value!r} is no pattern: give text, a whole number, or a list of them.")
    return tuple(str(one) for one in values)


def _limit(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise UserError(f"{where} = {value!r} is no limit: give a number, 0 or more.")
    return float(value)


def _by_isa(where: str, value: object) -> Mapping[str, float]:
    if not isinstance(value, dict) or not value:
        raise UserError(f"{where} = {value!r} names no ISA: write {{ AMX = 6.0, VNNI = 2.0, AVX2 = 1.2 }}.")
    for isa in value:
        if isa not in ISA_TIERS:
            raise UserError(f"{where}: unknown key {isa!r}: known are {', '.join(ISA_TIERS)}.")
    return {isa: _limit(f"{where}.{isa}", least) for isa, least in value.items()}
