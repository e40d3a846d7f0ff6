"""What every command line has in common: a mistake is one sentence, and any terminal can show what is printed."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence

from ssd_core.errors import UserError
from ssd_core.files import unforeseen

_BROKEN_PIPE = 128 + 13  # as a shell says it of a program that SIGPIPE ended


def run(arguments: Sequence[str], command: Callable[[], int]) -> int:
    """Run a command and return its exit status; a mistake of the user's is one sentence on stderr and status 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name's bytes, or a sign that the terminal lacks
    try:
        refuse_empty(arguments)
        status = command()
        if sys.stdout is not None:
            sys.stdout.flush()
    except UserError as error:
        return _fail(error)
    except BrokenPipeError:  # as with `| head`
        _let_go_of_output()
        return _BROKEN_PIPE
    except OSError as error:
        if error.errno is None:  # a library's, not the system's
            raise
        if error.filename is None:
            _let_go_of_output()
        return _fail(unforeseen(error))
    except KeyboardInterrupt:
        print("interrupted: nothing half-written was left behind", file=sys.stderr)
        return 130
    return status


def refuse_empty(arguments: Sequence[str]) -> None:
    """UserError for an argument that is empty, as an unset variable of a shell leaves it: `--output "$OUT"`."""
    for before, argument in zip(("", *arguments), arguments, strict=False):
        flag, separator, value = argument.partition("=")
        if argument and not (flag.startswith("-") and separator and not value):
            continue
        raise empty(flag if argument else before if before.startswith("-") else "An argument")


def empty(what: str) -> UserError:
    """What to say of an option, or whatever it is, whose value is empty."""
    return UserError(f"{what} is given an empty value: give it one, or leave it out (is a shell variable unset?).")


def _fail(error: UserError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2


def _let_go_of_output() -> None:
    """Python flushes stdout once more when it ends: let that go nowhere."""
    with contextlib.suppress(OSError):  # a stream without a descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
