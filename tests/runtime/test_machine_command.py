import argparse
import json

import pytest

from ssd_core.runtime import machine_command


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    machine_command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["machine", *arguments])
    status: int = parsed.run(parsed)
    return status


def test_json_is_one_object_with_identity_apart_from_jitter(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    described = json.loads(capsys.readouterr().out)
    assert set(described) == {"identity", "jitter", "warnings"}
    assert described["identity"]["cpu_model"]
    assert not set(described["identity"]) & set(described["jitter"])


def test_text_has_every_value_and_counts_the_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    printed = capsys.readouterr().out
    assert run("--json") == 0
    described = json.loads(capsys.readouterr().out)
    for name in (*described["identity"], *described["jitter"]):
        assert name in printed
    assert described["identity"]["cpu_model"] in printed
    assert "warning" in printed
