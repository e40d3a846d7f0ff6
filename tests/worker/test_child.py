"""The worker's own side: what it answers, what is open after a failure, and how it ends. No TensorFlow takes part."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import ssd_core
from ssd_core.backends import registry
from ssd_core.backends.protocol import OpenGraph, Opening
from ssd_core.errors import UserError
from ssd_core.graph.contract import Contract
from ssd_core.machine.affinity import Binding, available_cpus
from ssd_core.worker import child, wire
from tests.worker.conftest import PATIENCE_S

Connect = Callable[..., tuple[socket.socket, "subprocess.Popen[bytes]"]]
PROGRAM = "import sys; from ssd_core.worker.child import main; main(sys.argv[1:])"


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Starts a child that takes this binding, and gives our end of its connection."""
    started = []

    def connect(binding: Any = None) -> tuple[socket.socket, "subprocess.Popen[bytes]"]:
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENCE_S)
        command = [sys.executable, "-c", PROGRAM, str(theirs.fileno()), json.dumps(binding)]
        with theirs:
            process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], cwd=Path(ssd_core.__file__).parents[1], stderr=subprocess.PIPE
            )
        started.append((ours, process))
        return ours, process

    yield connect
    for ours, process in started:
        ours.close()
        process.communicate(timeout=PATIENCE_S)


def ask(ours: socket.socket, **message: Any) -> wire.Message:
    wire.send(ours, message)
    reply, _ = wire.receive(ours)
    return reply


def test_it_says_who_it_is_and_ends_with_the_connection(connect: Connect) -> None:
    ours, process = connect()
    assert wire.receive(ours) == ({"pid": process.pid}, [])
    process.send_signal(signal.SIGINT)  # which the whole foreground group gets
    assert ask(ours, command="status")["pid"] == process.pid
    ours.close()
    assert process.wait(PATIENCE_S) == 0
    assert process.stderr
    assert process.stderr.read() == b""


def test_what_nobody_foresaw_is_a_defect_and_it_goes_on(connect: Connect) -> None:
    ours, process = connect()
    wire.receive(ours)
    assert "has no attribute 'do_nonsense'" in ask(ours, command="nonsense")["defect"]
    assert "call feed_dummy() or feed_records() first" in ask(ours, command="input_only", steps=1)["defect"]
    ask(ours, command="feed_dummy", batch_size=1, seed=0)
    assert "no graph is open" in ask(ours, command="run", steps=1, delay_ms=0)["defect"]
    assert ask(ours, command="pause") == {}
    assert process.poll() is None


def test_a_binding_is_taken_before_anything_else_or_refused(connect: Connect) -> None:
    first = available_cpus()[:1]
    ours, _ = connect(Binding(first, None).__dict__)
    wire.receive(ours)
    assert tuple(ask(ours, command="status")["cpus"]) == first
    refused, process = connect(Binding((9999,), None).__dict__)
    reply, _ = wire.receive(refused)
    assert set(reply) == {"user_error"}
    assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (UserError("Do that."), "user_error", "Do that."),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/a"), "user_error", "/a cannot be used (Permission"),
        (ModuleNotFoundError("No module", name="tensorflow"), "user_error", "has no module tensorflow: install"),
        (OSError("a library's own"), "defect", "OSError: a library's own"),
        (KeyError("steps"), "defect", "KeyError: 'steps'"),
    ],
)
def test_a_failure_is_the_users_or_a_defect_of_ours(error: Exception, kind: str, says: str) -> None:
    failure = child._failure(error)
    assert list(failure) == [kind]
    assert says in failure[kind]


class Opened:
    """A session that opens nothing."""

    def __init__(self, opening: Opening) -> None:
        self.opening, self.closed, self.calls = opening, False, ()

    def describe(self) -> OpenGraph:
        return OpenGraph("batched", None, {}, "5ba", 1, self.opening.num_intra_threads)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Opened]:
    """The sessions that were opened, in the place of real ones; more than 8 threads are refused."""
    sessions: list[Opened] = []

    def open_session(opening: Opening) -> Opened:
        if opening.num_intra_threads > 8:
            raise UserError("Too many threads.")
        sessions.append(Opened(opening))
        return sessions[-1]

    monkeypatch.setattr(registry, "open_session", open_session)
    return sessions


def test_what_is_open_just_so_stays_until_the_file_or_the_wish_changes(opened: list[Opened], tmp_path: Path) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(b"one")
    dispatcher = child._Dispatcher()
    for threads, content in ((1, b"one"), (1, b"one"), (2, b"one"), (2, b"two"), (2, b"two")):
        path.write_bytes(content)
        reply, _ = dispatcher.dispatch("open", backend="tensorflow", model=str(path), num_intra_threads=threads)
        assert reply["num_intra_threads"] == threads
    assert [session.opening.num_intra_threads for session in opened] == [1, 2, 2]
    assert [session.closed for session in opened] == [True, True, False]


def test_after_an_opening_that_failed_nothing_is_open(opened: list[Opened], tmp_path: Path) -> None:
    how: dict[str, Any] = {"backend": "tensorflow", "model": str(tmp_path)}
    dispatcher = child._Dispatcher()
    dispatcher.dispatch("open", **how)
    with pytest.raises(UserError, match="Too many"):
        dispatcher.dispatch("open", **how, num_intra_threads=9)
    assert opened[0].closed
    dispatcher.dispatch("feed_dummy", batch_size=1, seed=0)
    with pytest.raises(RuntimeError, match="no graph is open"):
        dispatcher.dispatch("run", steps=1, delay_ms=0.0)
    dispatcher.dispatch("open", **how)
    assert len(opened) == 2


def test_streams_run_on_between_two_runs_alone() -> None:
    paused: list[str] = []
    dispatcher = child._Dispatcher()
    steps: Any = SimpleNamespace(pause=lambda: paused.append("paused"), run=lambda *_: ([], []))
    session: Any = SimpleNamespace(contract=Contract("batched", "input", (), None))
    dispatcher._steps, dispatcher._session = steps, session
    dispatcher.dispatch("feed_dummy", batch_size=1, seed=0)
    paused.clear()
    dispatcher.dispatch("run", steps=1, delay_ms=0.0)
    dispatcher.dispatch("run", steps=1, delay_ms=0.0)
    assert paused == []
    for command in ("pause", "status", "flush"):
        dispatcher.dispatch(command)
    assert paused == ["paused"] * 3
