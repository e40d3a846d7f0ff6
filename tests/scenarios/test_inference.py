"""A network in a worker: how it is opened and fed, what a step is, and what its figures depend on."""

from pathlib import Path
from typing import Any

import pytest

from ssd_core.backends.protocol import OpenGraph, Opening
from ssd_core.images.dataset import read_records
from ssd_core.results.case import Case
from ssd_core.results.parts import Binding, Threads
from ssd_core.scenarios.inference import Inference, Network
from ssd_core.scenarios.protocol import Graph
from ssd_core.scenarios.setup import Setup
from ssd_core.scenarios.variant import parse
from ssd_core.worker import pool
from ssd_core.worker.answers import Durations
from tests.scenarios.contexts import ContextMaker
from tests.stand_in_worker import StandInWorker

CASE = Case("throughput", "int8", 8, 1, 2, streams=3)


class Noting(StandInWorker):
    """Notes what it is told; a step waits 1 ns for its images."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.openings: list[Opening] = []
        self.calls: list[tuple[Any, ...]] = []

    def open(self, opening: Opening) -> OpenGraph:
        self.openings.append(opening)
        return super().open(opening)

    def feed_dummy(self, batch_size: int, seed: int = 0) -> None:
        self.calls.append(("dummy", batch_size))
        super().feed_dummy(batch_size)

    def feed_records(self, shards: Any, batch_size: int, *threads: int) -> None:
        self.calls.append(("records", batch_size, *threads))
        super().feed_records(shards, batch_size)

    def run(self, steps: int) -> Durations:
        self.calls.append(("run", steps))
        run_ns = super().run(steps).run_ns
        return Durations(run_ns, [ns + 1 for ns in run_ns])

    def yardstick(self, precision: str, num_inter_threads: int, num_intra_threads: int, steps: int) -> list[int]:
        self.calls.append(("yardstick", precision, num_inter_threads, num_intra_threads, steps))
        return super().yardstick(precision, num_inter_threads, num_intra_threads, steps)

    def pause(self) -> None:
        self.calls.append(("pause",))


@pytest.fixture
def noting(context: ContextMaker, monkeypatch: pytest.MonkeyPatch) -> ContextMaker:
    """A context whose workers note."""
    monkeypatch.setattr(pool, "Worker", Noting)
    return context


def told(inference: Inference) -> Noting:
    worker: Any = inference.worker
    assert isinstance(worker, Noting)
    return worker


def test_a_case_is_opened_as_its_counts_and_the_user_say(noting: ContextMaker) -> None:
    inference = Inference(CASE, noting(trust_graph=True, fast_postprocess=True))
    inference.open()
    assert told(inference).openings == [
        Opening("tensorflow", Path("int8.pb"), num_intra_threads=2, streams=3, trust=True, fast=True)
    ]
    inference.open(Setup(1, 4, 5), 16)
    other = told(inference).openings[-1]
    assert (other.streams, other.num_inter_threads, other.num_intra_threads) == (1, 4, 5)
    assert (inference.batch_size, inference.images_a_step) == (16, 16)


def test_a_network_may_be_another_graph_with_its_own_post_processing(noting: ContextMaker) -> None:
    network = Network(graph=Graph(Path("other/fp32.pb"), "fp32.pb"), fast=False, scope="network")
    inference = Inference(CASE, noting(fast_postprocess=True), network)
    inference.open()
    (opening,) = told(inference).openings
    assert (opening.model, opening.fast, opening.scope) == (Path("other/fp32.pb"), False, "network")


def test_a_peer_is_opened_with_its_models_for_the_batch_and_precision(noting: ContextMaker) -> None:
    inference = Inference(CASE, noting(), Network("openvino", "network", models=Path("models")))
    inference.open(Setup(2, 1, 4, requests_a_stream=3))
    (opening,) = told(inference).openings
    assert opening == Opening("openvino", Path("models"), "int8", "network", 8, 1, 4, 2, requests_a_stream=3)


def test_no_other_precision_runtime_or_variant_shares_its_worker(noting: ContextMaker) -> None:
    chosen = noting()
    fp32, variant = Case("throughput", "fp32", 8, 1, 2), parse(["delay=5"])
    others = [
        Inference(fp32, chosen),
        Inference(CASE, chosen, Network("openvino")),
        Inference(CASE, chosen, variant=variant),
    ]
    own = Inference(CASE, chosen).worker
    assert own is Inference(Case("latency", "int8", 1), chosen).worker
    assert len({id(own), *(id(other.worker) for other in others)}) == 4
    assert told(others[-1]).settings.delay_ms == 5


def test_on_records_a_step_is_with_its_wait_and_on_dummy_tensors_without(
    noting: ContextMaker, noise_records: Path
) -> None:
    plan, case = {"ms": {"int8": 10.0}}, Case("latency", "int8", 1, 1, 2)
    inference = Inference(case, noting(plan, data_inter_threads=3, data_intra_threads=4))
    inference.open()
    inference.feed(None)
    assert not inference.fed
    assert inference.run(2) == [10_000_000] * 2
    inference.feed(read_records(noise_records, None))
    assert inference.fed
    assert inference.run(2) == [10_000_001] * 2
    fed = [("dummy", 1), ("run", 2), ("pause",), ("records", 1, 3, 4), ("run", 2), ("pause",)]
    assert told(inference).calls == fed, "the worker is idle after each run"


def test_a_restarted_one_is_opened_and_fed_as_before_in_a_new_worker(noting: ContextMaker, noise_records: Path) -> None:
    inference = Inference(CASE, noting())
    inference.open(Setup(1, 1, 6), 4)
    inference.feed(read_records(noise_records, None))
    before = told(inference)
    inference.restart()
    after = told(inference)
    assert after is not before
    assert (after.openings, after.calls) == (before.openings, before.calls)


def test_the_yardstick_has_the_threads_of_all_streams(noting: ContextMaker) -> None:
    inference = Inference(CASE, noting())
    assert len(inference.yardstick(5)) == 5
    assert told(inference).calls == [("yardstick", "int8", 1, 2 * 3, 5)]


def test_a_sibling_is_another_case_fed_alike(noting: ContextMaker, noise_records: Path) -> None:
    inference = Inference(CASE, noting())
    inference.open()
    inference.feed(read_records(noise_records, None))
    sibling = inference.sibling(Case("throughput", "fp32", 4, 1, 2))
    assert sibling.fed
    assert told(sibling).openings[0].model == Path("fp32.pb")
    assert told(sibling).calls == [("records", 4, 0, 0)]


def test_kernels_are_seen_in_a_worker_that_is_not_timed(noting: ContextMaker) -> None:
    inference = Inference(CASE, noting())
    inference.open()
    assert inference.kernels().by_data_type == {"int8": 1.0}
    assert [call for call in told(inference).calls if call[0] == "run"] == []
    probe: Any = inference.probe()
    assert probe.settings.onednn_verbose
    assert not told(inference).settings.onednn_verbose
    assert probe.openings[0].streams == 1


def test_a_result_is_told_what_was_really_opened_and_ran(noting: ContextMaker, noise_records: Path) -> None:
    inference = Inference(CASE, noting(fast_postprocess=True))
    inference.open()
    inference.feed(read_records(noise_records, None))
    said = inference.depends_on()
    assert (said["graph"], said["graph_sha256"], said["graph_contract"]) == ("demo", "int8" * 16, "batched")
    assert (said["postprocess_ms"], said["threads_started"]) == ((30.0, 3.0), Threads(1, 2))
    assert (said["data"].kind, said["data"].origin, said["data"].images) == ("records", str(noise_records), 5)
    assert (said["allocator"], said["binding"]) == ("malloc", Binding([0], "default", []))
    inference.feed(None)
    assert inference.depends_on()["data"].kind == "dummy"
