"""About how long cases take: it follows from the settings."""

from dataclasses import replace
from pathlib import Path

import pytest

from ssd_core.demo.build import VALIDATION_SCENES
from ssd_core.machine import identity
from ssd_core.results.case import Case
from ssd_core.scenarios import estimate
from ssd_core.scenarios.estimate import images_of, rate_of, seconds_of
from ssd_core.scenarios.registry import KINDS
from ssd_core.scenarios.settings import Settings, UntilClear

LATENCY = Case("latency", "int8", 1, 1, 2)
SETTINGS = Settings(cpus=2)


@pytest.fixture(autouse=True)
def vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "of_this_machine", lambda: {"isa_flags": ["avx2", "avx512_vnni"]})


def total(settings: Settings, *cases: Case) -> float:
    return sum(seconds_of(cases, settings))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_estimate(kind: str) -> None:
    (seconds,) = seconds_of([Case(kind, "int8", 1, 1, 2)], SETTINGS)
    assert 5 < seconds < 600


def test_a_precisions_workers_start_once() -> None:
    first, again, other = seconds_of([LATENCY, LATENCY, replace(LATENCY, precision="fp32")], SETTINGS)
    assert again < first == other


def test_steps_and_processes_that_were_asked_for_count() -> None:
    few, many = (total(replace(SETTINGS, steps=steps), LATENCY) for steps in (10, 10_000))
    assert few < total(SETTINGS, LATENCY) < many
    assert total(replace(SETTINGS, processes=3), LATENCY) > total(SETTINGS, LATENCY) + 20
    warm = total(replace(SETTINGS, steps=10, warmup_steps=10_000), LATENCY)
    assert warm == pytest.approx(many, rel=0.01)


def test_a_bisection_measures_longer_but_no_longer_than_it_may() -> None:
    against = Case("against", "int8", 1, 1, 2)
    once, usual, short = (
        total(replace(SETTINGS, until_clear=until), against)
        for until in (None, UntilClear(0.03), UntilClear(0.03, seconds=10.0))
    )
    assert short < once < usual


def test_a_search_takes_longer_than_one_case() -> None:
    plain = Case("throughput", "int8", 8, 1, 2)
    assert total(SETTINGS, replace(plain, tuned=True)) > total(SETTINGS, plain) + 5


def test_accuracy_takes_as_long_as_its_images(noise_records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert images_of(noise_records) == 5
    accuracy = Case("accuracy", "fp32", 8, 1, 2)
    few = total(replace(SETTINGS, data_location=noise_records), accuracy)
    monkeypatch.setattr(estimate, "images_of", lambda _: 5005)
    assert total(SETTINGS, accuracy) - few == pytest.approx(5000 / rate_of("fp32", 2))


def test_before_the_demo_is_made_its_images_are_known(tmp_path: Path) -> None:
    assert images_of(tmp_path / "nowhere") == VALIDATION_SCENES


def test_int8_is_faster_where_the_cpu_has_instructions_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rate_of("int8", 4) == 2 * rate_of("int8", 2) > 10 * rate_of("fp32", 2) / 2
    monkeypatch.setattr(identity, "of_this_machine", lambda: {"isa_flags": []})
    assert rate_of("int8", 2) == rate_of("bf16", 2) == rate_of("fp32", 2)
