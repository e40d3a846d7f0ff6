"""Fleet: the cases of a run on each kind of machine of a cluster, one after the other on each machine."""

import re
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ssd_core.errors import UserError
from ssd_core.files import is_file, reading, replacing
from ssd_core.scale.cluster import Cluster, forwarded
from ssd_core.scale.measuring import MeasuredCase
from ssd_core.scale.messages import Ended, Lost, Node, Nodes, Task
from ssd_core.scale.probe import Probe
from ssd_core.scale.shards import sentence

LABEL = "kind"  # of a node: `ray start --labels kind=c7i.xlarge`
CASES = "cases.json"
_UNSAFE = re.compile(r"[^\w.=-]+")


@dataclass(frozen=True)
class Machine:
    """A machine that stands for its kind."""

    kind: str
    node: Node
    probe: Probe


@dataclass
class Kept:
    """What a kind has so far, in its folder: the names of its cases, and a file for each that is finished."""

    folder: Path
    cases: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> "Kept":
        """What an earlier run left there."""
        path = folder / CASES
        return cls(folder, _read(path, list[str]) if is_file(path) else [])

    def keep_cases(self, cases: Sequence[str]) -> None:
        """Note the cases of this kind."""
        self.cases = list(cases)
        _write(self.folder / CASES, self.cases)

    def file(self, case: str) -> Path:
        """The file of a case."""
        return self.folder / f"{_UNSAFE.sub('-', Path(case).name).strip('-')}.json"

    @property
    def open(self) -> list[str]:
        """The cases that are not finished."""
        return [case for case in self.cases if not is_file(self.file(case))]

    def finished(self) -> Iterator[tuple[str, MeasuredCase]]:
        """The cases that are finished."""
        for case in self.cases:
            if is_file(self.file(case)):
                yield case, _read(self.file(case), MeasuredCase)

    def document(self) -> dict[str, Any] | None:
        """All finished cases as one file of results, each with its times and Ray's share; None if there are none."""
        found = [(case, one, one.document) for case, one in self.finished() if one.document is not None]
        if not found:
            return None
        whole = dict(found[0][2])
        whole["benchmarks"] = [benchmark for _, _, document in found for benchmark in document["benchmarks"]]
        whole["ledger"] = [entry for _, _, document in found for entry in document["ledger"]]
        whole["not_asked"] = list(dict.fromkeys(line for _, _, document in found for line in document["not_asked"]))
        whole["partial"] = f"{len(found)} of {len(self.cases)} cases measured" if self.open else None
        whole["fleet"] = [
            {"case": case, "began": one.began, "ended": one.ended, "ray_share": one.ray_share} for case, one, _ in found
        ]
        return whole


def machines_of(nodes: Sequence[Node], probes: Mapping[str, Probe]) -> list[Machine]:
    """One machine of each kind: of a label, a CPU model, cores, sockets, usable CPUs, and allowed instructions."""
    kinds: dict[tuple[object, ...], Node] = {}
    for node in nodes:
        one, about = probes[node.id], probes[node.id].identity
        hardware = tuple(about[name] for name in ("cpu_model", "cores", "sockets", "usable_cpus"))
        kinds.setdefault((node.labels.get(LABEL), *hardware, one.max_isa), node)
    names: dict[str, int] = {}
    machines = []
    for (label, model, cores, _, usable, isa), node in kinds.items():
        parts = [f"{model} {cores} cores", "" if usable == cores else f"{usable} usable", str(isa or "")]
        said = str(label or " ".join(filter(None, parts)))
        name = _UNSAFE.sub("-", re.sub(r"\(R\)|\(TM\)", "", said)).strip("-")
        names[name] = names.get(name, 0) + 1
        machines.append(Machine(name if names[name] == 1 else f"{name}-{names[name]}", node, probes[node.id]))
    return machines


class Fleet:
    """Measures the cases of each machine; never two at once on one, though it may have several nodes."""

    def __init__(self, cluster: Cluster, arguments: Sequence[str], folder: Path, say: Callable[[str], object]) -> None:
        self._cluster = cluster
        self._arguments = list(arguments)
        self._folder = folder
        self._say = say
        self._running: dict[str, tuple[Machine, Kept, str | None]] = {}
        self._waiting: dict[str, list[Machine]] = {}
        self._left: set[tuple[str, str]] = set()
        self.failures: list[str] = []
        """A line for each machine that died and each case that failed."""

    def measure(self, machines: Sequence[Machine]) -> None:
        """Measure all that is not finished; a case is on disk as soon as it ends."""
        for machine in machines:
            self._waiting.setdefault(machine.probe.boot or machine.node.id, []).append(machine)
        for boot in self._waiting:
            self._next_machine(boot)
        for message in self._cluster.messages() if self._running else ():
            if isinstance(message, Nodes):
                self._check(message)
            elif message.key in self._running:
                self._end(message)
            if not self._running:
                return

    def _next_machine(self, boot: str) -> None:
        while waiting := self._waiting[boot]:
            machine = waiting.pop(0)
            kept = Kept.of(self._folder / machine.kind)
            if not kept.cases:
                self._submit(machine, kept, None)
                return
            if kept.open:
                self._submit(machine, kept, kept.open[0])
                return

    def _submit(self, machine: Machine, kept: Kept, case: str | None) -> None:
        """A case, or the question which cases there are. It holds the whole node, so that no other task runs there."""
        key = uuid.uuid4().hex
        file = f"{tempfile.gettempdir()}/ssd-vgg16-{key}.json"
        options = [word for word in self._arguments if case is None or not word.startswith("bench")]
        what = ["--list", "--", *options] if case is None else ["--", case, *options]
        self._running[key] = machine, kept, case
        node = machine.node
        self._cluster.submit(
            Task(
                key=key,
                arguments=["-P", "-m", "ssd_core.scale.measuring", file, *what],
                folder=str(Path.cwd()),
                environment=forwarded(),
                cpus=node.cpus,
                resources={f"node:{node.address}": 1.0},
                on=node.id,
                wanted=file,
            )
        )

    def _end(self, message: Ended | Lost) -> None:
        machine, kept, case = self._running.pop(message.key)
        boot = machine.probe.boot or machine.node.id
        if isinstance(message, Lost):
            self._died(machine, kept, case)
        elif message.file is None or (case is None and message.status):
            self._fail(f"{machine.kind} ({message.host}): {case or 'its cases'}: {sentence(message)}")
        elif case is None:
            kept.keep_cases(msgspec.json.decode(message.file, type=list[str]))
            self._say(f"{machine.kind}: {len(kept.cases)} cases on {message.host}")
        else:
            self._keep(machine, kept, case, msgspec.json.decode(message.file, type=MeasuredCase))
        going_on = isinstance(message, Ended) and message.file is not None
        rest = [one for one in kept.open if (machine.kind, one) not in self._left] if going_on else []
        if rest:
            self._submit(machine, kept, rest[0])
        else:
            self._next_machine(boot)

    def _keep(self, machine: Machine, kept: Kept, case: str, measured: MeasuredCase) -> None:
        if measured.document is None or not measured.document["benchmarks"]:
            lines = [line for line in measured.output.splitlines() if line.strip()] or ["nothing was said"]
            self._fail(f"{machine.kind}: {case} gave no result: {lines[-1].strip()}")
            self._left.add((machine.kind, case))
            return
        _write(kept.file(case), measured)
        self._say(f"{machine.kind}: {case}, {measured.ended - measured.began:.0f} s, Ray took {measured.ray_share:.1%}")
        if measured.status:
            self._fail(f"{machine.kind}: {case} ended with status {measured.status}")

    def _check(self, message: Nodes) -> None:
        """Ray says of a task for a node that is gone only that it waits."""
        alive = {node.id for node in message.nodes}
        for key, (machine, kept, case) in list(self._running.items()):
            if machine.node.id not in alive:
                del self._running[key]
                self._died(machine, kept, case)
                self._next_machine(machine.probe.boot or machine.node.id)

    def _died(self, machine: Machine, kept: Kept, case: str | None) -> None:
        done = f"{len(kept.cases) - len(kept.open)} of {len(kept.cases)} cases are kept"
        where = f"{machine.kind} ({machine.node.address})"
        self._fail(f"{where} died during {case or 'its start'}: {done}, and --resume goes on.")

    def _fail(self, line: str) -> None:
        self.failures.append(line)
        self._say(line)


def _write(path: Path, content: object) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(msgspec.json.encode(content))


def _read(path: Path, kind: type[Any]) -> Any:
    with reading(str(path), "remove it, and give --resume"):
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise UserError(f"{path} is damaged ({error}): remove it, and give --resume.") from error
