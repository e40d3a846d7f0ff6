"""Shards on a cluster: every shard of a run as a task, again on another node where one is lost or fails."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from ssd_core.coco.portion import Portion
from ssd_core.errors import UserError
from ssd_core.files import locked, replacing, writable_folder
from ssd_core.scale.cluster import Cluster, forwarded
from ssd_core.scale.messages import Ended, Lost, Task
from ssd_core.scale.probe import Probe, probe

_MOST_LOSSES = 5  # of one shard, which may itself be what ends its nodes


@contextmanager
def parts_folder(folder: Path, name: str) -> Iterator[Path]:
    """A hidden folder for the parts of a run, in a folder that all nodes share; one run at a time has it."""

    def taken() -> None:
        raise UserError(f"Another run has its shards of {name} in {folder}: wait until it is done, or choose another.")

    writable_folder(folder)
    with locked(folder / f".{name}-parts.lock", taken):
        parts = writable_folder(folder / f".{name}-parts")
        try:
            yield parts
        finally:
            with suppress(OSError):  # it holds complete parts, for the next run
                parts.rmdir()


def slots(cluster: Cluster, cpus: int) -> int:
    """How many tasks of so many CPUs run at the same time; UserError where none can."""
    count = sum(int(node.cpus // cpus) for node in cluster.nodes)
    if not count:
        has = ", ".join(f"{node.address}: {node.cpus:g}" for node in cluster.nodes) or "no node at all"
        raise UserError(
            f"No node of the cluster at {cluster.address} has {cpus} CPUs ({has}):"
            " start such a node, or give fewer threads."
        )
    return count


def check_nodes(cluster: Cluster, shared: Path, paths: Sequence[Path], folder: Path | None, alike: bool) -> None:
    """Refuse a cluster whose nodes cannot give the parts of one run.

    UserError for other versions, a path that a node does not see, `shared` included, and, with `alike`, unlike CPUs.
    """
    nodes = [node for node in cluster.nodes if node.cpus]
    mark = shared / f".seen-{os.getpid()}"
    with replacing(mark) as temporary:
        temporary.write_text("")
    try:
        probes = probe(cluster, nodes, [mark.absolute(), *paths], folder, others_do=True)
    finally:
        mark.unlink(missing_ok=True)
    if alike:
        _check_alike(list(probes.values()))


def run_shards(
    cluster: Cluster,
    arguments: Callable[[Portion], list[str]],
    sizes: Sequence[int],
    bar: Any,
    cpus: int = 1,
    folder: Path | None = None,
) -> None:
    """Run a command for each shard; `sizes` has the images of each, by which the bar moves.

    A shard that is lost with its node runs again. One that fails runs on another node, and if it fails there with the
    same sentence, that is a UserError. So is a cluster without a node that is left.
    """
    tasks = {
        str(number): Task(
            key=str(number),
            arguments=arguments(Portion(number, len(sizes))),
            folder=None if folder is None else str(folder),
            environment=forwarded(),
            cpus=cpus,
        )
        for number in range(1, len(sizes) + 1)
    }
    for task in tasks.values():
        cluster.submit(task)
    open_, losses, said = set(tasks), Counter[str](), dict[str, dict[str, str]]()
    for message in cluster.messages():
        if isinstance(message, Ended | Lost) and message.key not in tasks:
            continue  # the late end of a question to a node that was gone
        if isinstance(message, Ended) and message.status == 0:
            open_.discard(message.key)
            bar.update(sizes[int(message.key) - 1])
            if not open_:
                return
        elif isinstance(message, Ended):
            failed = said.setdefault(message.key, {})
            _check_failure(cluster, message, failed, Portion(int(message.key), len(sizes)), cpus)
            failed[message.node] = sentence(message)
            cluster.submit(_elsewhere(tasks[message.key], failed))
        elif isinstance(message, Lost):
            losses[message.key] += 1
            if losses[message.key] > _MOST_LOSSES:
                where = f"Shard {message.key}/{len(sizes)} was lost {losses[message.key]} times"
                raise UserError(f"{where} ({message.reason}): see why its nodes end, such as for lack of memory.")
            cluster.submit(_elsewhere(tasks[message.key], said.get(message.key, {})))
        else:
            slots(cluster, cpus)
            for key in open_.intersection(said):
                _check_left(cluster, said[key], Portion(int(key), len(sizes)), cpus)


def sentence(ended: Ended) -> str:
    """What a command that failed said: its sentence for the user, or its last line."""
    lines = [line.strip() for line in ended.output.splitlines() if line.strip()]
    told = [line for line in lines if line.lower().startswith("error: ")]
    return told[0].partition(": ")[2] if told else (lines or [f"it ended with status {ended.status}"])[-1]


def _check_failure(cluster: Cluster, ended: Ended, failed: dict[str, str], portion: Portion, cpus: int) -> None:
    """UserError where no other node can be expected to do better."""
    if sentence(ended) in failed.values():
        raise UserError(f"Shard {portion} failed on {ended.host}: {sentence(ended)}")
    _check_left(cluster, failed | {ended.node: sentence(ended)}, portion, cpus)


def _check_left(cluster: Cluster, failed: dict[str, str], portion: Portion, cpus: int) -> None:
    """UserError where a shard failed on every node that is there."""
    if not [node for node in cluster.nodes if node.cpus >= cpus and node.id not in failed]:
        raise UserError(f"Shard {portion} failed on every node that is there: {list(failed.values())[-1]}")


def _elsewhere(task: Task, failed: dict[str, str]) -> Task:
    return msgspec.structs.replace(task, not_on=list(failed))


def _check_alike(probes: Sequence[Probe]) -> None:
    models = sorted({str(one.identity["cpu_model"]) for one in probes})
    if len(models) > 1:
        raise UserError(
            f"The nodes have unlike CPUs ({', '.join(models)}), whose numbers differ in their last digits:"
            " give a cluster of one kind, or run --shard on each and merge with --ignore cpu_model."
        )
