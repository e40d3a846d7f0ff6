"""--against: what it understands, what it changes, and what it refuses."""

from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.scenarios.variant import KEYS, parse
from ssd_core.worker.client import WorkerSettings

CASE = Case("against", "int8", 8, 1, 2)


def test_changes_add_up(tmp_path: Path) -> None:
    graph = tmp_path / "other.pb"
    graph.touch()
    variant = parse([f"graph={graph}", "env=A=1", "env=B=x=y", "intra=1", "delay=2.5"])
    assert variant.graph == graph
    settings = variant.of_settings(WorkerSettings())
    assert settings.env == (("A", "1"), ("B", "x=y"))
    assert settings.delay_ms == 2.5
    assert variant.of_case(CASE) == Case("against", "int8", 8, 1, 1)
    assert variant.text == f"graph={graph} env=A=1 env=B=x=y intra=1 delay=2.5"


def test_what_is_not_named_stays() -> None:
    variant = parse(["inter=2"])
    assert variant.of_settings(WorkerSettings(allocator="malloc")) == WorkerSettings(allocator="malloc")
    assert variant.of_case(CASE).num_intra_threads == CASE.num_intra_threads


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("threads=2", "--against threads=2 is not understood: give one of graph=PATH"),
        ("intra", "is not understood"),
        ("intra=", "is not understood"),
        ("intra=none", "--against intra=none has an impossible value: give intra=N"),
        ("inter=0", "has an impossible value"),
        ("delay=-1", "has an impossible value"),
        ("delay=nan", "has an impossible value"),
        ("env=NAME", "has an impossible value: give env=KEY=VALUE"),
        ("allocator=hoard", "allocator=hoard is not known: choose from tcmalloc"),
        ("graph=nowhere.pb", "No such graph: --against graph=nowhere.pb"),
        ("python=nowhere", "python=nowhere does not exist"),
    ],
)
def test_mistakes(text: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        parse([text])
    assert sentence in str(caught.value)


def test_every_key_is_parsed_or_refused_by_name() -> None:
    for form in KEYS:
        with pytest.raises(UserError, match=form.split("=")[0]):
            parse([form.split("=")[0] + "="])


def test_a_delay_slows_the_case_and_not_its_variant() -> None:
    own, other = parse(["delay=2.5", "env=A=1"]).sides
    assert own is not None
    assert (own.delay_ms, own.env) == (2.5, ())
    assert (other.delay_ms, other.env) == (0.0, (("A", "1"),))
    assert parse(["env=A=1"]).sides == (None, parse(["env=A=1"]))
