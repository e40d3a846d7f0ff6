"""Whether the input pipeline is as fast as the network: the pipeline alone, the network alone, and both together."""

from statistics import median

from ssd_core.results.parts import Supply
from ssd_core.scenarios.inference import Inference
from ssd_core.stats.figures import images_per_second
from ssd_core.stats.samples import Samples

_LEAST_STEPS = 5
_MOST_STEPS = 200
_ALONE_NS = 1_500_000_000  # the time for the pipeline alone, and for the network alone
_FILLED_STEPS = 4  # taken first and not counted: their batches were prepared before


def supply_of(inference: Inference, together: float) -> Supply | None:
    """The supply of a case that ran at `together` images a second on records, taken just after; None on dummy tensors.

    The worker has dummy tensors afterwards.
    """
    if not inference.fed:
        return None
    worker, batch_size = inference.worker, inference.batch_size
    worker.input_only(_FILLED_STEPS)
    fetched_ns = worker.input_only(_steps(median(worker.input_only(_LEAST_STEPS))))
    worker.feed_dummy(batch_size)
    typical_ns = median(worker.run(_LEAST_STEPS).step_ns)
    dummy_ns = worker.run(_steps(typical_ns)).step_ns
    return Supply.of(
        input_rate=images_per_second(Samples.of(fetched_ns), batch_size),
        network_rate=images_per_second(Samples.of(dummy_ns), inference.images_a_step),
        together=together,
    )


def _steps(step_ns: float) -> int:
    return min(_MOST_STEPS, max(_LEAST_STEPS, int(_ALONE_NS / step_ns)))
