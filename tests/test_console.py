"""What every command line does: one sentence for a mistake, the right status, and output for any terminal."""

import errno
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from ssd_core.console import refuse_empty, run
from ssd_core.errors import UserError

ROOT = Path(__file__).resolve().parents[1]


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def command() -> NoReturn:
        raise error

    return command


def test_the_status_is_the_commands() -> None:
    assert [run([], lambda status=status: status) for status in (0, 1, 7)] == [0, 1, 7]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (UserError("This is wrong."), 2, "error: This is wrong.\n"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/cache/x"), 2, "error: /cache/x cannot be used"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "(No space left on device)"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_is_the_users_is_a_sentence(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([], raising(error)) == status
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("error", [ValueError("ours"), OSError("of a library, without a number")])
def test_a_defect_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)):
        run([], raising(error))


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "– … caf\\udce9.jpg".encode()),
        ("latin-1", rb"\u2013 \u2026 caf\udce9.jpg"),
        ("ascii", rb"\u2013 \u2026 caf\udce9.jpg"),
    ],
)
def test_what_a_terminal_cannot_show_has_something_in_its_place(
    encoding: str, shown: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))

    def command() -> int:
        print("– … caf\udce9.jpg", end="")
        return 0

    assert run([], command) == 0
    assert written.getvalue() == shown


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["demo", ""], "An argument"),
        (["quantize", "--output", ""], "--output"),
        (["quantize", "--output="], "--output"),
        (["-g", "", "-b", "1"], "-g"),
        (["a.json", "", "--format", "text"], "An argument"),
    ],
)
def test_an_empty_argument_is_refused_by_its_name(arguments: list[str], what: str) -> None:
    with pytest.raises(UserError, match=f"^{what} is given an empty value"):
        refuse_empty(arguments)
    assert run(arguments, lambda: 0) == 2


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--a=b="], ["steps="], ["-", "--"], ["--a", "=b"]])
def test_other_arguments_are_left_to_the_command(arguments: list[str]) -> None:
    refuse_empty(arguments)
    assert run(arguments, lambda: 0) == 0


def piped(code: str, target: str) -> subprocess.CompletedProcess[str]:
    program = f"import sys; from ssd_core.console import run; sys.exit(run([], lambda: {code}))"
    line = ["bash", "-c", f'set -o pipefail; "$0" -c "$1" {target}', sys.executable, program]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    done = piped("print('line\\n' * 100_000) or 0", "| head -n 1")
    assert (done.returncode, done.stdout, done.stderr) == (141, "line\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_onto_a_full_disk_is_one_sentence() -> None:
    done = piped("print('line') or 0", "> /dev/full")
    assert done.returncode == 2
    assert done.stderr.startswith("error: What is written to cannot be used (No space left on device)")
    assert done.stderr.count("\n") == 1
