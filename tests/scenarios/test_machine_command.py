import argparse
import json

import pytest

from ssd_core.scenarios import machine_command


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    machine_command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["machine", *arguments])
    status: int = parsed.run(parsed)
    return status


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """The load is left out."""
    monkeypatch.setattr(machine_command, "drift_under_load", lambda: 1.01)


def test_json_is_one_object_with_identity_apart_from_jitter(steady: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    described = json.loads(capsys.readouterr().out)
    assert set(described) == {"identity", "jitter", "warnings"}
    assert described["identity"]["cpu_model"]
    assert not set(described["identity"]) & set(described["jitter"])


def test_text_has_every_value_and_counts_the_warnings(steady: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    printed = capsys.readouterr().out
    assert run("--json") == 0
    described = json.loads(capsys.readouterr().out)
    for name in (*described["identity"], *described["jitter"]):
        assert name in printed
    assert described["identity"]["cpu_model"] in printed
    assert "warning" in printed


def test_a_clock_that_falls_under_load_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine_command, "drift_under_load", lambda: 1.16)
    assert run("--json") == 0
    described = json.loads(capsys.readouterr().out)
    assert described["jitter"]["yardstick_drift"] == 1.16
    assert "the yardstick took 16% longer after it than before" in str(described["warnings"])


def test_the_load_is_the_yardstick_on_every_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_command, "_LOAD_SECONDS", 0.1)
    assert machine_command.drift_under_load() > 0
