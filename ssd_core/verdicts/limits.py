"""Limits: the thresholds file (TOML). Its rules set limits for the cases that match their patterns.

    [[rule]]
    kind = "throughput"                         # patterns over the case's parameters: text with * and ?, a number,
    precision = "int8*"                         # or a list of them; one that is left out matches every case
    batch_size = [1, 8]
    machine = "*EPYC 9R14*"                     # a pattern over the CPU's model, for limits that hold on one machine
    max_slowdown = 0.03                         # against the baseline: 0.03 is 3 %
    min_speedup = { AMX = 6.0, VNNI = 2.0 }     # over fp32, both measured in turn, by the CPU's best int8 kernels
    min_yardstick_share = 0.4                   # of what the machine's yardstick reaches
    max_p99_over_p50 = 1.5
    max_ap_loss = 0.01                          # in AP, against the fp32 case and against the baseline
    min_images_per_second = 20.0                # absolute limits, on the machine that the rule names
    max_median_ms = 45.0
    max_p99_ms = 60.0
    max_peak_memory_gb = 1.5
    min_ap = 0.22                               # of the images that were evaluated
    min_rate = 20.0                             # requests a second of a server case

If several rules match a case, the later one wins, limit by limit. The names of version 0.1 (`least_...`,
`largest_...`) still work.
"""

import dataclasses
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ssd_core.errors import UserError
from ssd_core.results.case import PARAMETERS

ISA_TIERS = {  # best first; a CPU belongs to a tier if /proc/cpuinfo lists one of its flags
    "AMX": ("amx_int8",),
    "VNNI": ("avx512_vnni", "avx_vnni"),
    "AVX2": ("avx2",),
}
MACHINE = "machine"
_TIMED = ("throughput", "latency")
_SERIES = (*_TIMED, "input_pipeline")
KINDS = {  # limit: the kinds of case that have its figure
    "max_slowdown": _TIMED,
    "min_speedup": _TIMED,
    "min_yardstick_share": _TIMED,
    "max_p99_over_p50": _SERIES,
    "max_ap_loss": ("accuracy",),
    "min_images_per_second": _SERIES,
    "max_median_ms": _SERIES,
    "max_p99_ms": (*_SERIES, "server"),
    "max_peak_memory_gb": _TIMED,
    "min_ap": ("accuracy",),
    "min_rate": ("server",),
}
OLD_NAMES = {
    "largest_slowdown": "max_slowdown",
    "least_speedup": "min_speedup",
    "least_yardstick_share": "min_yardstick_share",
    "largest_p99_over_p50": "max_p99_over_p50",
    "largest_ap_loss": "max_ap_loss",
}

Pattern = tuple[str, ...]
Parameters = Mapping[str, object]


@dataclass(frozen=True)
class CaseLimits:
    """The limits of one case. A limit that is None, or an ISA that is missing, is not asked."""

    max_slowdown: float | None = None
    min_speedup: Mapping[str, float] = field(default_factory=dict)
    min_yardstick_share: float | None = None
    max_p99_over_p50: float | None = None
    max_ap_loss: float | None = None
    min_images_per_second: float | None = None
    max_median_ms: float | None = None
    max_p99_ms: float | None = None
    max_peak_memory_gb: float | None = None
    min_ap: float | None = None
    min_rate: float | None = None

    def asked(self, isa: str | None) -> dict[str, float]:
        """The limits, by name, that need no baseline; only `max_slowdown` needs one.

        `isa` is the CPU's best int8 instruction set (see `isa_tier`). It selects the least speed-up.
        """
        bounds = {
            name: bound
            for name in LIMITS
            if name not in ("max_slowdown", "min_speedup") and (bound := getattr(self, name)) is not None
        }
        speedup = self.min_speedup.get(isa) if isa else None
        return bounds if speedup is None else {"min_speedup": speedup, **bounds}


LIMITS = tuple(limit.name for limit in dataclasses.fields(CaseLimits))


@dataclass(frozen=True)
class Rule:
    """Patterns over a case's parameters, and the limits of the cases that match all of them."""

    number: int  # the rule's place in the file, from 1
    patterns: Mapping[str, Pattern]
    limits: Mapping[str, float | Mapping[str, float]]

    def matches(self, case: Parameters) -> bool:
        """Whether every pattern matches the case's parameter of that name, and `machine` the CPU's model."""
        return all(
            case.get(name) is not None and any(fnmatchcase(str(case[name]), pattern) for pattern in patterns)
            for name, patterns in self.patterns.items()
        )

    def limits_of(self, case: Parameters) -> dict[str, float | Mapping[str, float]]:
        """The limits that apply to the case's kind; all of them if the kind is not known."""
        kind = case.get("kind")
        return {name: limit for name, limit in self.limits.items() if kind is None or kind in KINDS[name]}

    def __str__(self) -> str:
        """The rule's number and patterns, to find it in the file."""
        patterns = ", ".join(f"{name} = {' or '.join(values)}" for name, values in self.patterns.items())
        return f"rule {self.number} ({patterns or 'every case'})"


@dataclass(frozen=True)
class Thresholds:
    """The rules of one thresholds file, and a line for each old name that the file still uses."""

    path: Path
    rules: tuple[Rule, ...]
    renamed: tuple[str, ...] = ()

    def match(self, case: Parameters) -> CaseLimits:
        """The limits of a case, given by its parameters' names and values, and `machine`, its CPU's model."""
        limits: dict[str, float | Mapping[str, float]] = {}
        for rule in self.rules:
            if rule.matches(case):
                limits.update(rule.limits_of(case))
        return CaseLimits(**limits)  # type: ignore[arg-type]  # each limit was checked for its name when read

    def unmatched(self, cases: Iterable[Parameters]) -> tuple[Rule, ...]:
        """The rules that match none of the cases. They are reported, because a misspelt pattern checks nothing."""
        known = list(cases)
        return tuple(rule for rule in self.rules if not any(rule.matches(case) for case in known))


def read_thresholds(path: Path) -> Thresholds:
    """Read a thresholds file; UserError if it cannot be read, is not TOML, or a rule has an unknown key or value."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): name a thresholds file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not TOML ({error}): correct it there.") from error
    for key in content:
        if key != "rule":
            raise UserError(f"{path}: unknown key {key!r}: the file holds [[rule]] tables and nothing else.")
    rules = content.get("rule", [])
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
        raise UserError(f"{path} holds no rule: write one or more [[rule]] tables.")
    old = dict.fromkeys(key for rule in rules for key in rule if key in OLD_NAMES)
    return Thresholds(
        path,
        tuple(_rule(f"{path}: rule {number}", number, rule) for number, rule in enumerate(rules, 1)),
        tuple(f"{path}: {name} is now called {OLD_NAMES[name]}." for name in old),
    )


def isa_tier(isa_flags: Iterable[str]) -> str | None:
    """The best int8 instructions of a CPU with these flags: AMX, VNNI or AVX2; None if it has none of them."""
    flags = set(isa_flags)
    return next((tier for tier, wanted in ISA_TIERS.items() if flags.intersection(wanted)), None)


def _rule(where: str, number: int, table: Mapping[str, object]) -> Rule:
    patterns: dict[str, Pattern] = {}
    limits: dict[str, float | Mapping[str, float]] = {}
    for given, value in table.items():
        key = OLD_NAMES.get(given, given)
        if key in limits:
            raise UserError(f"{where} gives {key} twice, once as {given}: leave one of them out.")
        if key in PARAMETERS or key == MACHINE:
            # `tuned` is the only parameter that is yes or no.
            tuned = key == "tuned" and isinstance(value, bool)
            patterns[key] = (str(value),) if tuned else _pattern(f"{where}: {key}", value)
        elif key == "min_speedup":
            limits[key] = _by_isa(f"{where}: {key}", value)
        elif key in LIMITS:
            limits[key] = _limit(f"{where}: {key}", value)
        else:
            known = ", ".join((*PARAMETERS, MACHINE, *LIMITS))
            raise UserError(f"{where}: unknown key {given!r}: known are {known}.")
    if not limits:
        raise UserError(f"{where} sets no limit: give it one of {', '.join(LIMITS)}.")
    _check_kinds(where, patterns.get("kind"), limits)
    return Rule(number, patterns, limits)


def _check_kinds(where: str, kinds: Pattern | None, limits: Iterable[str]) -> None:
    """UserError for a limit that applies to no kind of case that the rule matches."""
    for limit in limits if kinds else ():
        if not any(fnmatchcase(kind, pattern) for kind in KINDS[limit] for pattern in kinds or ()):
            raise UserError(f"{where}: a case of kind {' or '.join(kinds or ())} has no figure for {limit}: remove it.")


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
