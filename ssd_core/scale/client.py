"""The process that is connected to Ray: takes tasks on stdin, and says on stdout how each ended.

It is a process of its own because Ray ends the process that is connected when the head of the cluster is lost, and
because Ray's threads must not be where TensorFlow's workers are started from.
"""

import os
import socket
import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from ssd_core.scale import node
from ssd_core.scale.messages import Ended, Lost, Message, Node, Nodes, Refused, Task, written

LOCAL = "local"
_POLL_S = 0.2
_NEXT_S = 0.005  # until the next of several tasks that come together is read
_CONNECT_S = 5.0
_NODES_S = 1.0  # between two looks at the nodes, of which there may be thousands
_TOKEN = "its port answers, so it may ask for a token: set RAY_AUTH_MODE=token and its token here, too"
MESSAGES = 3  # the descriptor that they go to: Ray writes to stdout, too


def main(address: str, cpus: int) -> None:
    """Serve until stdin ends."""
    messages = os.fdopen(MESSAGES, "wb", buffering=0)

    def say(message: Message) -> None:
        messages.write(written(message))

    try:
        ray = _connected(address, cpus)
    except Exception as error:  # of many kinds, and for the user only the sentence counts
        say(Refused(_first_line(error)))
        return
    tasks: SimpleQueue[Task | None] = SimpleQueue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    _serve(ray, tasks, say)
    ray.shutdown()  # Ray's own call at Python's exit sleeps half a second first


def _connected(address: str, cpus: int) -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        ray.init(address="local", num_cpus=cpus, include_dashboard=False, **options)
    else:
        _check_answers(address)
        try:
            ray.init(address=address, **options)
        except Exception as error:  # for a wrong token, too, Ray says only that it failed to connect
            raise ConnectionError(f"{_first_line(error)}; {_TOKEN}") from error
    ray.cloudpickle.register_pickle_by_value(node)
    return ray


def _check_answers(address: str) -> None:
    """OSError where nothing listens: Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        raise ValueError("it is no HOST:PORT")
    socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")


def _read(tasks: "SimpleQueue[Task | None]") -> None:
    for line in sys.stdin.buffer:
        tasks.put(msgspec.json.decode(line, type=Task))
    tasks.put(None)


def _serve(ray: Any, tasks: "SimpleQueue[Task | None]", say: Any) -> None:
    remote = ray.remote(max_retries=0)(node.run)
    running: dict[Any, Task] = {}
    known: list[Node] | None = None
    look_s = 0.0
    while True:
        if time.monotonic() >= look_s:
            look_s = time.monotonic() + _NODES_S
            if (now := _nodes(ray)) != known:
                known = now
                say(Nodes(now))
        try:
            while (task := tasks.get(timeout=_NEXT_S if running else _POLL_S)) is not None:
                running[
                    remote.options(**_options(task)).remote(task.arguments, task.folder, task.environment, task.wanted)
                ] = task
            return
        except Empty:
            pass
        ready, _ = ray.wait(list(running), timeout=_POLL_S) if running else ([], [])
        for reference in ready:
            task = running.pop(reference)
            try:
                say(Ended(key=task.key, **ray.get(reference)))
            except ray.exceptions.RayError as error:
                say(Lost(task.key, _first_line(error)))


def _options(task: Task) -> dict[str, Any]:
    options: dict[str, Any] = {"num_cpus": task.cpus, "resources": task.resources, "scheduling_strategy": "SPREAD"}
    if task.on is not None:
        options["label_selector"] = {"ray.io/node-id": task.on}
    elif task.not_on:
        options["label_selector"] = {"ray.io/node-id": f"!in({','.join(task.not_on)})"}
    return options


def _nodes(ray: Any) -> list[Node]:
    return [
        Node(one["NodeID"], one["NodeManagerAddress"], one["Resources"].get("CPU", 0.0), one.get("Labels", {}))
        for one in ray.nodes()
        if one["Alive"]
    ]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
