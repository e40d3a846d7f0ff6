"""Shards on a cluster that says what a test wants."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from tqdm import tqdm

from ssd_core.coco.portion import Portion
from ssd_core.errors import UserError
from ssd_core.scale.messages import Ended, Lost, Node, Nodes, Task
from ssd_core.scale.shards import run_shards

HERE = Node("a" * 56, "10.0.0.1", 1.0, {})
GONE = "b" * 56


class Told:
    """A cluster of one node whose messages are given."""

    def __init__(self, *messages: Ended | Lost | Nodes) -> None:
        self.address, self.nodes, self._messages = "there", [HERE], messages
        self.submitted: list[Task] = []

    def submit(self, task: Task) -> None:
        self.submitted.append(task)

    def messages(self) -> Iterator[Ended | Lost | Nodes]:
        yield from self._messages
        raise AssertionError("it waits for more")


def ended(key: str, status: int = 0) -> Ended:
    return Ended(key, HERE.id, "host", status, "error: no disk", 0.0, 1.0)


def run(cluster: Any, sizes: Sequence[int] = (3, 2)) -> int:
    """The images that the bar has seen."""

    def arguments(portion: Portion) -> list[str]:
        return [str(portion)]

    with tqdm(disable=False, leave=False) as bar:
        run_shards(cluster, arguments, sizes, bar)
        return int(bar.n)


def test_all_shards_end() -> None:
    cluster = Told(ended("2"), ended("1"))
    assert run(cluster) == 5
    assert [task.arguments for task in cluster.submitted] == [["1/2"], ["2/2"]]


@pytest.mark.parametrize("late", [Lost(GONE, "its node died"), ended(GONE), ended(GONE, status=1)])
def test_what_a_question_to_a_lost_node_gives_late_does_not_count(late: Ended | Lost) -> None:
    assert run(Told(late, ended("1"), late, ended("2"))) == 5


def test_a_lost_shard_runs_again_and_is_counted_once() -> None:
    cluster = Told(ended("1"), Lost("2", "its node died"), Nodes([HERE]), ended("2"))
    assert run(cluster) == 5
    assert [task.key for task in cluster.submitted] == ["1", "2", "2"]


def test_a_shard_that_is_lost_again_and_again_is_an_error() -> None:
    with pytest.raises(UserError, match=r"Shard 1/2 was lost 6 times \(out of memory\)"):
        run(Told(*[Lost("1", "out of memory")] * 6))


def test_a_shard_that_fails_on_the_only_node_is_an_error() -> None:
    with pytest.raises(UserError, match="Shard 1/2 failed on every node that is there: no disk"):
        run(Told(ended("1", status=1)))
