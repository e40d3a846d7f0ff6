"""Messages between a run and the process that is connected to Ray: JSON, one a line."""

from typing import Any

import msgspec


class Node(msgspec.Struct, frozen=True):
    """A node that is alive: what Ray knows of it."""

    id: str
    address: str
    cpus: float
    labels: dict[str, str]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A command for some node: the arguments of its Python, and the folder to run in."""

    key: str
    arguments: list[str]
    folder: str | None = None
    environment: dict[str, str] = {}
    cpus: float = 1
    resources: dict[str, float] = {}
    on: str | None = None
    """Only on this node."""
    not_on: list[str] = []
    """On none of these nodes."""
    wanted: str | None = None
    """A file that the command writes, whose text comes back."""


class Nodes(msgspec.Struct, frozen=True, tag="nodes"):
    """The nodes that are alive now; sent at the start and whenever they change."""

    nodes: list[Node]


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """A task's command ended with a status and with these last lines; times are seconds since 1970."""

    key: str
    node: str
    host: str
    status: int
    output: str
    began: float
    ended: float
    file: str | None = None


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """A task is lost with its worker or its node."""

    key: str
    reason: str


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The cluster cannot be used."""

    reason: str


Message = Nodes | Ended | Lost | Refused


def written(message: Any) -> bytes:
    """A message as a line."""
    return msgspec.json.encode(message) + b"\n"
