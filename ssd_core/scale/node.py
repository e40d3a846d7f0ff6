"""What a task of Ray does on a node: it starts one command as a process of its own, and waits.

Ray sends this file to the nodes as it is here, so it imports only Python's library and Ray: Ray's worker loads no
TensorFlow, and a node without this package can say so.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_TAIL_BYTES = 1 << 14
_PR_SET_PDEATHSIG = 1  # prctl(2)
# Ray sets the first for tasks of one CPU, and the others are of its own worker.
_NOT_INHERITED = ("OMP_NUM_THREADS", "RAY_", "PYTHONBREAKPOINT")
# The kernel ends the command when Ray's worker dies, as it does when its node or the whole cluster is lost.
_TIED = f"""
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, {int(signal.SIGKILL)})
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def run(arguments: list[str], folder: str | None, environment: dict[str, str], wanted: str | None) -> dict[str, Any]:
    """Run this node's Python with some arguments in a folder, and say how it ended.

    `wanted` is a file that the command writes, whose text is handed back; it is then removed.
    """
    import ray

    node = ray.get_runtime_context().get_node_id()
    answer: dict[str, Any] = {"node": node, "host": socket.gethostname(), "began": time.time()}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    try:
        answer["status"], answer["output"] = _run(arguments, folder, inherited | environment)
        if wanted is not None and Path(wanted).is_file():
            answer["file"] = Path(wanted).read_text(encoding="utf-8")
            Path(wanted).unlink()
    except OSError as error:  # of this node: a folder that is not there, a disk that is full
        what = error.filename or "its temporary folder"
        answer |= {"status": 1, "output": f"error: {what} cannot be used ({error.strerror or error})"}
    return answer | {"ended": time.time()}


def tied(arguments: Sequence[str]) -> list[str]:
    """The command that runs this Python with these arguments, and that ends when the process that starts it dies."""
    return [sys.executable, "-c", _TIED, str(os.getpid()), *arguments]


def _run(arguments: list[str], folder: str | None, environment: dict[str, str]) -> tuple[int, str]:
    """The status of the command, and the last that it printed."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.run(
            tied(arguments),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - _TAIL_BYTES))
        return process.returncode, output.read().decode(errors="replace")
