"""What a node of a cluster is: `python -m ssd_core.scale.probe PATH...` runs there and prints one line of JSON."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ssd_core import __version__
from ssd_core.errors import UserError
from ssd_core.files import exists
from ssd_core.machine import identity
from ssd_core.scale.cluster import Cluster
from ssd_core.scale.messages import Ended, Lost, Node, Task

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_VERSIONS = ("python", "tensorflow", "onednn")


class Probe(msgspec.Struct, frozen=True):
    """A node's machine, its version of this package, and which of some paths it does not see."""

    identity: dict[str, Any]
    version: str
    missing: list[str]
    boot: str = ""
    """Of the running kernel: two nodes with the same one are on one machine."""
    max_isa: str | None = None
    """The best instructions that oneDNN may use, where the node's environment limits them."""

    @classmethod
    def of_this_machine(cls, paths: Sequence[str] = ()) -> "Probe":
        """The probe of the machine that this process runs on."""
        missing = [path for path in paths if not exists(Path(path))]
        boot = _BOOT.read_text().strip() if exists(_BOOT) else ""
        return cls(identity.of_this_machine(), __version__, missing, boot, os.environ.get(identity.ISA_LIMIT))

    @property
    def versions(self) -> dict[str, Any]:
        """The versions that every node has to share."""
        return {"ssd_core": self.version} | {name: self.identity.get(name) for name in _VERSIONS}


def probe(
    cluster: Cluster, nodes: Sequence[Node], paths: Sequence[Path], folder: Path | None, *, others_do: bool = False
) -> dict[str, Probe]:
    """What each node is, by its id. If `others_do` the work of a lost node, it is left out while there are others.

    UserError for a node that is lost, lacks this package, has other versions, or does not see one of the paths.
    """
    arguments = ["-P", "-m", "ssd_core.scale.probe", *map(str, paths)]
    where = None if folder is None else str(folder)
    tasks = [Task(key=node.id, arguments=arguments, folder=where, cpus=0, on=node.id) for node in nodes]
    answers = cluster.each(tasks)
    own = Probe.of_this_machine()
    there = [node for node in nodes if isinstance(answers[node.id], Ended)]
    asked = there if others_do and there else nodes
    return {node.id: _checked(node, answers[node.id], own) for node in asked}


def _checked(node: Node, answer: Ended | Lost, own: Probe) -> Probe:
    if isinstance(answer, Lost):
        raise UserError(f"The node {node.address} does not run tasks ({answer.reason}): start it again.")
    where = f"The node {node.address} ({answer.host})"
    lines = answer.output.strip().splitlines() or ["it said nothing"]
    try:
        found = msgspec.json.decode(lines[-1], type=Probe)
    except msgspec.DecodeError as error:
        said = lines[-1].removeprefix("error: ").rstrip(".")
        raise UserError(f"{where} cannot run ssd_core ({said}): install this version there, too.") from error
    for name, version in own.versions.items():
        if found.versions[name] != version:
            raise UserError(f"{where} has {name} {found.versions[name]}, not {version}: install the same there.")
    if found.missing:
        raise UserError(f"{where} does not see {found.missing[0]}: put it into a folder that all nodes share.")
    return found


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(Probe.of_this_machine(sys.argv[1:])) + b"\n")
