"""The variant that `--against` compares each case with: the same case with one or more changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ssd_core.errors import UserError
from ssd_core.machine.allocator import NAMES, AllocatorName, require
from ssd_core.results.case import Case
from ssd_core.worker.client import WorkerSettings

KEYS = ("graph=PATH", "python=PATH", "env=KEY=VALUE", "allocator=NAME", "inter=N", "intra=N", "delay=MS")


@dataclass(frozen=True)
class Variant:
    """Changes to a case's graph, to its worker and to its session's threads; None where nothing changes."""

    text: str
    graph: Path | None = None
    python: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    allocator: AllocatorName | None = None
    inter: int | None = None
    intra: int | None = None
    delay_ms: float = 0.0

    @property
    def sides(self) -> tuple["Variant | None", "Variant"]:
        """The changes of the case itself (a delay, which shows what a regression looks like) and of its variant."""
        own = Variant(self.text, delay_ms=self.delay_ms) if self.delay_ms else None
        return own, replace(self, delay_ms=0.0)

    def of_settings(self, settings: WorkerSettings) -> WorkerSettings:
        """The variant of a worker's settings."""
        changes: dict[str, Any] = {"env": (*settings.env, *self.env), "delay_ms": self.delay_ms}
        if self.python:
            changes["python"] = self.python
        if self.allocator:
            changes |= {"allocator": self.allocator, "allocator_path": require(self.allocator).path}
        return replace(settings, **changes)

    def of_case(self, case: Case) -> Case:
        """The variant of a case."""
        return replace(
            case,
            num_inter_threads=self.inter or case.num_inter_threads,
            num_intra_threads=self.intra or case.num_intra_threads,
        )


def parse(texts: Sequence[str]) -> Variant:
    """A variant from the values of `--against`; UserError for an unknown key or an impossible value."""
    variant = Variant(text=" ".join(texts))
    for text in texts:
        key, separator, value = text.partition("=")
        if key not in _PARSERS or not separator or not value:
            raise UserError(f"--against {text} is not understood: give one of {', '.join(KEYS)}.")
        try:
            variant = _PARSERS[key](variant, value)
        except ValueError:
            raise UserError(f"--against {text} has an impossible value: give {_form(key)}.") from None
    return variant


def _graph(variant: Variant, value: str) -> Variant:
    if not Path(value).is_file():
        raise UserError(f"No such graph: --against graph={value}; give the path of a frozen GraphDef.")
    return replace(variant, graph=Path(value))


def _python(variant: Variant, value: str) -> Variant:
    if not Path(value).is_file():
        raise UserError(f"--against python={value} does not exist: give another environment's bin/python.")
    return replace(variant, python=value)


def _env(variant: Variant, value: str) -> Variant:
    key, separator, text = value.partition("=")
    if not separator or not key:
        raise ValueError(value)
    return replace(variant, env=(*variant.env, (key, text)))


def _allocator(variant: Variant, value: str) -> Variant:
    for name in NAMES:
        if name == value:
            return replace(variant, allocator=name)
    raise UserError(f"--against allocator={value} is not known: choose from {', '.join(NAMES)}.")


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise ValueError(value)
    return number


def _delay(variant: Variant, value: str) -> Variant:
    delay_ms = float(value)
    if not 0 < delay_ms < 60_000:
        raise ValueError(value)
    return replace(variant, delay_ms=delay_ms)


def _form(key: str) -> str:
    return next(form for form in KEYS if form.startswith(f"{key}="))


_PARSERS: dict[str, Callable[[Variant, str], Variant]] = {
    "graph": _graph,
    "python": _python,
    "env": _env,
    "allocator": _allocator,
    "inter": lambda variant, value: replace(variant, inter=_positive(value)),
    "intra": lambda variant, value: replace(variant, intra=_positive(value)),
    "delay": _delay,
}
