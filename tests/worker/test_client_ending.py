"""How a worker ends, or never begins: killed, too slow, interrupted, not there."""

import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ssd_core.backends.protocol import of_graph
from ssd_core.errors import UserError
from ssd_core.machine.affinity import available_cpus
from ssd_core.worker import wire
from ssd_core.worker.client import Worker, WorkerDied, WorkerSettings
from tests.worker.conftest import PATIENCE_S


def kill_soon(worker: Worker, number: signal.Signals) -> None:
    threading.Timer(0.3, os.kill, (worker.pid, number)).start()


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


# A worker that is shared


def test_a_killed_worker_names_the_signal_and_a_new_one_works(graphs: dict[str, Path]) -> None:
    settings = WorkerSettings(delay_ms=50.0, onednn_verbose=True, num_cores=1)
    with Worker(settings, timeout_s=PATIENCE_S) as worker:
        assert worker.status().cpus == available_cpus()[:1]
        worker.open(of_graph(graphs["convolution"], 1, 1))
        worker.feed_dummy(1)
        worker.run(1)  # so that its convolution is among what was printed last
        kill_soon(worker, signal.SIGKILL)
        with pytest.raises(WorkerDied, match=r"died of SIGKILL .* during run(?s:.*)onednn_verbose.*convolution"):
            worker.run(1000)
        with pytest.raises(WorkerDied, match="SIGKILL"):
            worker.status()
    assert gone(worker.pid)
    with Worker(timeout_s=PATIENCE_S) as second:
        second.open(of_graph(graphs["batched"], 1, 1))
        second.feed_dummy(1)
        assert len(second.run(1).run_ns) == 1


def test_a_worker_that_does_not_answer_in_time_is_ended(graphs: dict[str, Path]) -> None:
    worker = Worker(WorkerSettings(delay_ms=60_000.0), timeout_s=PATIENCE_S)
    worker.open(of_graph(graphs["batched"], 1, 1))
    worker.feed_dummy(1)
    worker._socket.settimeout(0.2)
    with pytest.raises(WorkerDied, match=r"did not answer run within 0\.2 s"):
        worker.run(1)
    assert gone(worker.pid)
    worker.close()


def test_ctrl_c_ends_the_worker(graphs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    receive = wire.receive

    def interrupted(connection: socket.socket) -> Any:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        return receive(connection)

    with Worker(WorkerSettings(delay_ms=60_000.0), timeout_s=PATIENCE_S) as worker:
        worker.open(of_graph(graphs["batched"], 1, 1))
        worker.feed_dummy(1)
        # The terminal sends it to the child as well, which must leave it to the parent.
        os.kill(worker.pid, signal.SIGINT)
        assert worker.status().pid == worker.pid
        monkeypatch.setattr(wire, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.run(1)
        assert gone(worker.pid)


# What never becomes a worker


def test_a_python_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="/no/such/python could not be started"):
        Worker(WorkerSettings(python="/no/such/python"))


def test_a_python_without_tensorflow_is_named(tmp_path: Path) -> None:
    # -S leaves site-packages out, as an environment in which nothing was installed does.
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    with pytest.raises(UserError, match=r"python.* has no module"):
        Worker(WorkerSettings(python=str(python)), timeout_s=PATIENCE_S)


def test_a_program_that_ends_at_once_is_told_by_its_status_and_words(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho not today >&2\nexit 7\n")
    program.chmod(0o755)
    with pytest.raises(WorkerDied, match=r"exited with status 7 during start(?s:.*)not today"):
        Worker(WorkerSettings(python=str(program)), timeout_s=PATIENCE_S)


def test_a_socket_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match="No socket 977"):
        Worker(WorkerSettings(socket_id=977))
