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

    `wanted` is a file that the command writes, whose text is handed back.
    """
    import ray

    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    began = time.time()
    node = ray.get_runtime_context().get_node_id()
    where: dict[str, Any] = {"node": node, "host": socket.gethostname(), "began": began}
    with tempfile.TemporaryFile() as output:
        try:
            status = subprocess.run(
                [sys.executable, "-c", _TIED, str(os.getpid()), *arguments],
                cwd=folder,
                env=inherited | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        except OSError as error:
            said = f"error: {folder} cannot be used ({error.strerror})"
            return where | {"status": 1, "output": said, "ended": time.time()}
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - _TAIL_BYTES))
        text = output.read().decode(errors="replace")
    answer = where | {"status": status, "output": text, "ended": time.time()}
    if wanted is not None and Path(wanted).is_file():
        answer["file"] = Path(wanted).read_text(encoding="utf-8")
    return answer
