from typing import Any

import msgspec
import pytest

from ssd_core.errors import UserError
from ssd_core.scale.messages import Ended, Lost, Node, Task
from ssd_core.scale.probe import Probe, _checked, probe

NODE = Node("id", "10.0.0.7", 2.0, {})
OWN = Probe.of_this_machine()


def answered(output: str) -> Ended:
    return Ended("id", "id", "host7", 0, output, 0.0, 1.0)


def said(**changed: Any) -> str:
    return "a warning\n" + msgspec.json.encode(msgspec.structs.replace(OWN, **changed)).decode() + "\n"


def test_a_node_like_this_one() -> None:
    assert _checked(NODE, answered(said()), OWN) == OWN


def test_paths_that_are_missing_are_told() -> None:
    assert Probe.of_this_machine(["/", "/not/there"]).missing == ["/not/there"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Lost("id", "it was killed"), "The node 10.0.0.7 does not run tasks (it was killed): start it again."),
        (answered("x: No module named ssd_core\n"), "cannot run ssd_core (x: No module named ssd_core): install"),
        (answered(""), "cannot run ssd_core (it said nothing)"),
        (answered("[1]"), "cannot run ssd_core"),
        (answered(said(version="0.0.1")), "has ssd_core 0.0.1, not"),
        (answered(said(identity=OWN.identity | {"python": "3.11.1"})), "has python 3.11.1, not"),
        (answered(said(identity=OWN.identity | {"tensorflow": None})), "has tensorflow None, not"),
        (answered(said(missing=["/data"])), "does not see /data: put it into a folder that all nodes share."),
    ],
)
def test_a_node_that_cannot_take_part(answer: Ended | Lost, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        _checked(NODE, answer, OWN)
    assert sentence in str(error.value)


class Answers:
    """As much of a cluster as a probe uses."""

    def __init__(self, **answers: Ended | Lost) -> None:
        self._answers = answers

    def each(self, tasks: list[Task]) -> dict[str, Ended | Lost]:
        return {task.key: self._answers[task.key] for task in tasks}


def test_a_node_that_just_died_is_left_out_if_others_do_its_work() -> None:
    nodes = [Node(name, f"{name}.local", 1.0, {}) for name in ("a", "b")]
    lost = Lost("a", "the node is gone")
    one_lost: Any = Answers(a=lost, b=answered(said()))
    assert probe(one_lost, nodes, [], None, others_do=True) == {"b": OWN}
    with pytest.raises(UserError, match=r"a\.local does not run tasks"):
        probe(one_lost, nodes, [], None)
    all_lost: Any = Answers(a=lost, b=lost)
    with pytest.raises(UserError, match=r"a\.local does not run tasks"):
        probe(all_lost, nodes, [], None, others_do=True)
