"""Conditions: what figures depend on, and the fields in which two runs or results differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ssd_core.results.run import Run
from ssd_core.results.schema import Result

HARDWARE = ("cpu_model", "isa_flags", "cores", "sockets", "numa_nodes", "smt")  # what makes two machines unlike
UNTOLD = ("hostname",)  # of the identity: a different name alone is not a different machine
_DIGEST_CHARACTERS = 12  # of a digest: enough to tell two apart in a table


@dataclass(frozen=True)
class Difference:
    """One field that differs between a first (a) and a second (b)."""

    field: str
    a: object
    b: object

    def __str__(self) -> str:
        """The field and both values; for lists, what the second lacks and what it adds."""
        if isinstance(self.a, list) and isinstance(self.b, list):
            changes = [f"-{value}" for value in self.a if value not in self.b]
            changes += [f"+{value}" for value in self.b if value not in self.a]
            return f"{self.field} ({' '.join(changes)})"
        return f"{self.field} ({_short(self.a)} -> {_short(self.b)})"


def differences(a: Mapping[str, object], b: Mapping[str, object], ignore: Iterable[str] = ()) -> tuple[Difference, ...]:
    """The fields whose values differ. A field that is missing in `a` or `b` is unknown there, and no difference.

    A mapping is compared name by name, as `binding.cpus`; there, a missing name is a difference. The order of a list
    does not matter. `ignore` names whole fields to leave out (`binding`), or names within them (`binding.cpus`).
    """
    ignored = set(ignore)
    shared = [name for name in a if a[name] is not None and b.get(name) is not None and name not in ignored]
    left, right = (_flat({name: side[name] for name in shared}) for side in (a, b))
    fields = (field for field in dict.fromkeys((*left, *right)) if field not in ignored)
    pairs = ((field, left.get(field), right.get(field)) for field in fields)
    return tuple(Difference(*pair) for pair in pairs if _comparable(pair[1]) != _comparable(pair[2]))


def unlike_hardware(a: Run, b: Run) -> tuple[Difference, ...]:
    """The differences in hardware; empty if there are none, or if a file does not name its machine."""
    return tuple(d for d in differences(a.identity, b.identity) if d.field in HARDWARE)


def unlike_settings(a: Run, b: Run, ignore: Iterable[str] = ()) -> tuple[Difference, ...]:
    """The other differences between machines with the same hardware: kernel, versions, quota, governor, ..."""
    return differences(a.identity, b.identity, (*HARDWARE, *UNTOLD, *ignore))


def unlike_results(a: Result, b: Result, ignore: Iterable[str] = ()) -> tuple[Difference, ...]:
    """The differences in graph, data and settings between two results of one case."""
    return differences(a.conditions, b.conditions, ignore)


def _flat(fields: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in fields.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def _comparable(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, list) else value


def _short(value: object) -> str:
    text = "absent" if value is None else str(value)
    hexadecimal = len(text) > 2 * _DIGEST_CHARACTERS and all(c in "0123456789abcdef" for c in text)
    return text[:_DIGEST_CHARACTERS] if hexadecimal else text
