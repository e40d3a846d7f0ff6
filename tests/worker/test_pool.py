"""The workers of a run: which allocator and CPUs each is started with, which cases share one, when one is replaced."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ssd_core.machine import allocator
from ssd_core.machine.allocator import AllocatorName
from ssd_core.worker.client import Worker, WorkerSettings
from ssd_core.worker.pool import Pool


@pytest.fixture
def pool(started: list[WorkerSettings]) -> Pool:
    return Pool(None, None, None)


@pytest.mark.parametrize(
    ("asked", "fp32", "int8"),
    [
        (None, "malloc", "tcmalloc"),
        ("malloc", "malloc", "malloc"),
        ("jemalloc", "jemalloc", "jemalloc"),
        ("tcmalloc", "tcmalloc", "tcmalloc"),
    ],
)
def test_the_allocator_follows_the_precision_or_the_user(
    libraries: dict[str, Path], started: list[WorkerSettings], asked: AllocatorName | None, fp32: str, int8: str
) -> None:
    pool = Pool(asked, 0, 1)
    pool.of("fp32")
    pool.of("int8")
    assert [settings.allocator for settings in started] == [fp32, int8]
    paths = [None if name == "malloc" else str(libraries[name]) for name in (fp32, int8)]
    assert [settings.allocator_path for settings in started] == paths
    assert [(settings.socket_id, settings.num_cores) for settings in started] == [(0, 1)] * 2
    assert not pool.contradictions


def test_the_other_runtimes_run_with_malloc_whatever_the_user_says(started: list[WorkerSettings]) -> None:
    pool = Pool("jemalloc", None, None)
    assert pool.of("int8", runtime="openvino") is not pool.of("int8", runtime="onnxruntime")
    assert [settings.allocator for settings in started] == ["malloc", "malloc"]


def test_cases_that_can_share_a_worker_do(pool: Pool, started: list[WorkerSettings]) -> None:
    assert pool.of("int8") is pool.of("int8")
    assert pool.of("int8", onednn_verbose=True) is not pool.of("int8")
    assert pool.of("fp32") is not pool.of("bf16"), "equal settings, but another precision"
    assert len(started) == 4


class Change:
    def __init__(self, delay_ms: float) -> None:
        self._delay_ms = delay_ms

    def of_settings(self, settings: WorkerSettings) -> WorkerSettings:
        return replace(settings, delay_ms=self._delay_ms)


def test_a_variant_has_a_worker_of_its_own_even_where_nothing_differs(pool: Pool) -> None:
    workers = [pool.of("int8"), pool.of("int8", variant=Change(0.0)), pool.of("int8", variant=Change(5.0))]
    assert [worker.settings.delay_ms for worker in workers] == [0, 0, 5]
    assert len({id(worker) for worker in workers}) == 3
    assert pool.of("int8", variant=Change(5.0)) is workers[2]


def test_one_that_died_is_replaced_when_it_is_next_asked_for(pool: Pool, started: list[WorkerSettings]) -> None:
    dead: Any = pool.of("int8")
    dead.died = True
    second = pool.of("int8")
    assert second is not dead
    assert dead.closed
    assert pool.of("int8") is second
    assert started[0] == started[1]


def test_one_that_is_restarted_is_ended_and_the_new_one_takes_its_place(
    pool: Pool, started: list[WorkerSettings]
) -> None:
    first: Any = pool.of("int8", onednn_verbose=True)
    other: Any = pool.of("int8")
    second = pool.restart(first)
    assert first.closed
    assert not other.closed
    assert pool.of("int8", onednn_verbose=True) is second
    assert started[2] == started[0]


def test_all_end_together(pool: Pool) -> None:
    workers: list[Any] = [pool.of(precision) for precision in ("fp32", "int8")]
    pool.close()
    assert all(worker.closed for worker in workers)


@pytest.mark.skipif(allocator.find("tcmalloc") is None, reason=allocator.not_found("tcmalloc"))
def test_a_real_int8_worker_runs_on_tcmalloc_and_on_the_cores_it_is_held_to() -> None:
    pool = Pool(None, socket_id=0, num_cores=1)
    try:
        worker = pool.of("int8")
        assert isinstance(worker, Worker)
        status = worker.status()
        maps = Path(f"/proc/{worker.pid}/maps").read_text()
    finally:
        pool.close()
    assert status.allocator == "tcmalloc"
    assert str(Path(str(status.allocator_path)).resolve()) in maps
    assert len(status.cpus) == 1
    assert (status.memory_policy, status.memory_nodes) == ("bind", (0,))
