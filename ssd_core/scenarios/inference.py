"""Inference: the network of a case, opened in a worker, given input and run step by step, for every backend."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssd_core.backends.protocol import OpenGraph, Opening, Scope, of_graph
from ssd_core.backends.registry import OURS
from ssd_core.images.dataset import Records
from ssd_core.profiling.kernels import KernelShares, kernel_shares
from ssd_core.results.case import Case
from ssd_core.results.parts import Binding, Data, Threads
from ssd_core.scenarios.protocol import Context, Graph
from ssd_core.scenarios.setup import Setup
from ssd_core.scenarios.variant import Variant
from ssd_core.worker.answers import Durations, ImageDetections, WorkerStatus
from ssd_core.worker.client import Worker

_DUMMY = Data("dummy", "uniform in [-123.68, 151.06]")


@dataclass(frozen=True)
class Network:
    """The network to open: a graph in TensorFlow, or a peer's `models` made from it; `scope` is where it ends."""

    backend: str = OURS
    scope: Scope = "detections"
    graph: Graph | None = None
    """None: the precision's own."""
    models: Path = field(default_factory=Path)
    fast: bool | None = None
    """Whether an upstream graph's post-processing is replaced; None: as the user chose."""


class Inference:
    """A network in its own worker, shared with no other precision, runtime or variant; a runner of `interleaved.py`."""

    def __init__(
        self, case: Case, context: Context, network: Network | None = None, variant: Variant | None = None
    ) -> None:
        self.case = case
        self.network = network or Network()
        self.variant = variant
        self._context = context
        self.graph = self.network.graph or context.graphs.of(case.precision)
        self.worker = context.workers.of(case.precision, variant=variant, runtime=self.network.backend)
        self._records: Records | None = None
        self.setup, self.batch_size = Setup.of(case), case.batch_size
        self.opened: OpenGraph | None = None

    def open(self, setup: Setup | None = None, batch_size: int | None = None) -> OpenGraph:
        """Open the network, with the case's own counts unless others are given."""
        self.setup = setup or self.setup
        self.batch_size = self.batch_size if batch_size is None else batch_size
        self.opened = self.worker.open(self._opening(self.setup))
        return self.opened

    def feed(self, records: Records | None) -> None:
        """Run on these records, or on dummy tensors."""
        self._records = records
        feed(self.worker, records, self.batch_size, self._context)

    def restart(self) -> None:
        """Open the same in a new process."""
        self.worker = self._context.workers.restart(self.worker)
        self.open()
        self.feed(self._records)

    @property
    def fed(self) -> bool:
        """Whether it runs on records, so that a step includes the wait for its images."""
        return self._records is not None

    @property
    def images_a_step(self) -> int:
        """The images of one batch per stream."""
        return self.batch_size * (self.opened.streams if self.opened else 1)

    def run(self, steps: int) -> list[int]:
        """The nanoseconds of each of `steps` steps; with records, the wait for the images is included.

        The worker is idle afterwards, so that another can be measured.
        """
        durations = self.series(self.worker.run(steps))
        self.worker.pause()
        return durations

    def series(self, durations: Durations) -> list[int]:
        """The durations of the steps, with the wait for images if there are records."""
        return durations.step_ns if self.fed else durations.run_ns

    def yardstick(self, steps: int) -> list[int]:
        """The yardstick in the same worker and precision, with the threads of all streams together."""
        case = self.case
        return self.worker.yardstick(
            case.precision, case.num_inter_threads, case.num_intra_threads * case.streams, steps
        )

    def sibling(self, case: Case) -> "Inference":
        """Another case's inference with the same input, to be measured in turn with this one."""
        other = Inference(case, self._context)
        other.open()
        other.feed(self._records)
        return other

    def detect(self) -> Iterator[ImageDetections]:
        """The detections in each image of the records, in one pass."""
        records = self._records
        return self.worker.detections() if records is None else self.worker.detections(records.most, records.skip)

    def kernels(self) -> KernelShares:
        """The kernels that the CPU really runs, as oneDNN reports them of a step, from a worker that is not timed."""
        probe = self.open_probe()
        probe.feed_dummy(self.batch_size)
        probe.output_lines()
        probe.run(1)
        return kernel_shares(probe.output_lines())

    def probe(self) -> Worker:
        """A warmed-up worker that runs the same and prints oneDNN's lines; the lines so far are read already."""
        probe = self.open_probe()
        probe.feed_dummy(self.batch_size)
        probe.run(1)
        probe.output_lines()
        return probe

    def open_probe(self) -> Worker:
        """The worker that prints oneDNN's lines, with the same network in one stream."""
        probe = self._context.workers.of(self.case.precision, onednn_verbose=True, variant=self.variant)
        probe.open(self._opening(Setup(1, self.setup.num_inter_threads, self.setup.num_intra_threads)))
        return probe

    def depends_on(self) -> dict[str, Any]:
        """The conditions of this inference's figures, as fields of a Result."""
        opened = self.opened
        assert opened is not None
        return {
            "graph": self.graph.origin,
            "graph_sha256": opened.sha256,
            "graph_contract": opened.contract,
            "postprocess_ms": opened.postprocess_ms and tuple(opened.postprocess_ms),
            "graph_ops": opened.operation_counts,
            "threads_started": Threads(opened.num_inter_threads, opened.num_intra_threads),
            "data": data_of(self._records),
            **runs_on(self.worker.status()),
        }

    def _opening(self, setup: Setup) -> Opening:
        settings, network = self._context.settings, self.network
        threads = setup.num_inter_threads, setup.num_intra_threads
        if network.backend == OURS:
            fast = settings.fast_postprocess if network.fast is None else network.fast
            trust, scope = settings.trust_graph, network.scope
            return of_graph(self.graph.path, *threads, streams=setup.streams, trust=trust, fast=fast, scope=scope)
        return Opening(
            network.backend,
            network.models,
            self.case.precision,
            network.scope,
            self.batch_size,
            *threads,
            streams=setup.streams,
            requests_a_stream=setup.requests_a_stream,
            trust=settings.trust_graph,
        )


def feed(worker: Worker, records: Records | None, batch_size: int, context: Context) -> None:
    """Give a worker its input."""
    if records is None:
        worker.feed_dummy(batch_size)
        return
    settings = context.settings
    worker.feed_records(records.shards, batch_size, settings.data_inter_threads, settings.data_intra_threads)


def data_of(records: Records | None) -> Data:
    """The input, as results describe it."""
    return _DUMMY if records is None else Data("records", records.origin, records.images, records.digest)


def runs_on(status: WorkerStatus) -> dict[str, Any]:
    """What a worker really runs on, as fields of a Result: nothing is copied from an option."""
    return {
        "allocator": status.allocator,
        "binding": Binding(list(status.cpus), status.memory_policy, list(status.memory_nodes)),
        "versions": status.versions,
    }
