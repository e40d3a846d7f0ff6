"""`python -m ssd_core`: what holds for every command, the ones to come included."""

import argparse
import importlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

from ssd_core import __main__
from ssd_core.__main__ import main

ROOT = Path(__file__).resolve().parents[1]


def commands() -> dict[str, argparse.ArgumentParser]:
    """Each command's parser by name."""
    subparsers = argparse.ArgumentParser().add_subparsers()
    for module in __main__._COMMANDS.values():
        importlib.import_module(module).add_parser(subparsers)
    return dict(subparsers.choices)


def options_with_a_value() -> list[tuple[str, str]]:
    return [
        (name, option)
        for name, parser in commands().items()
        for action in parser._actions
        if action.nargs != 0
        for option in action.option_strings
    ]


@pytest.mark.parametrize(("command", "option"), options_with_a_value())
def test_an_empty_value_is_refused_by_the_options_name(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ([option, ""], [f"{option}="]):
        assert main([command, *arguments]) == 2
        assert capsys.readouterr().err.startswith(f"error: {option} is given an empty value: give it one, or leave")


def test_each_command_is_that_of_its_module() -> None:
    assert list(commands()) == list(__main__._COMMANDS)


def test_most_commands_take_a_value() -> None:
    assert {"quantize", "bfloat16", "export-graph", "generate-coco-records", "compare"} <= {
        command for command, _ in options_with_a_value()
    }


@pytest.mark.parametrize("command", commands())
def test_help_is_shown_on_any_terminal(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    sys.stdout.flush()
    assert caught.value.code == 0
    assert command.encode() in written.getvalue()


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "iso-8859-1"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)
def test_a_machine_is_described_in_any_locale(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    line = [sys.executable, "-m", "ssd_core", "machine"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"governor" in done.stdout
