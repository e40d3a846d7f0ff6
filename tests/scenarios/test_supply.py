"""Whether images arrive as fast as the network takes them, on a worker that keeps to a script."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from ssd_core.results.parts import Supply
from ssd_core.scenarios.supply import supply_of
from ssd_core.worker.answers import Durations

MS = 1_000_000


@dataclass
class ScriptedWorker:
    """Batches arrive every `input_ms`, and take the network `network_ms` on dummy tensors."""

    input_ms: int
    network_ms: int
    calls: list[str] = field(default_factory=list)

    def input_only(self, steps: int) -> list[int]:
        self.calls.append("input")
        return [self.input_ms * MS] * steps

    def feed_dummy(self, batch_size: int) -> None:
        self.calls.append(f"dummy {batch_size}")

    def run(self, steps: int) -> Durations:
        assert self.calls[-1].startswith(("dummy", "run"))
        self.calls.append("run")
        return Durations([self.network_ms * MS] * steps, [self.network_ms * MS] * steps)


def seen(worker: ScriptedWorker, together_ms: int, streams: int = 1, fed: bool = True) -> Supply | None:
    images = 8 * streams
    inference: Any = SimpleNamespace(batch_size=8, images_a_step=images, worker=worker, fed=fed)
    return supply_of(inference, images / together_ms * 1000)


@pytest.mark.parametrize(
    ("input_ms", "network_ms", "together_ms", "streams", "rates"),
    [
        (20, 300, 320, 1, (400, 8 / 0.3, 300 / 320, False)),
        (400, 300, 410, 1, (20, 8 / 0.3, 300 / 410, True)),
        (20, 600, 640, 2, (400, 16 / 0.6, 600 / 640, False)),  # a step of streams holds the images of all
    ],
)
def test_the_pipeline_alone_the_network_alone_and_both(
    input_ms: int, network_ms: int, together_ms: int, streams: int, rates: tuple[float, float, float, bool]
) -> None:
    supply = seen(ScriptedWorker(input_ms, network_ms), together_ms, streams)
    assert supply is not None
    measured = (supply.input_images_per_second, supply.network_images_per_second, supply.share_of_network)
    assert (*measured, supply.input_bound) == pytest.approx(rates)


def test_dummy_tensors_need_no_supply() -> None:
    worker = ScriptedWorker(1, 1)
    assert seen(worker, together_ms=1, fed=False) is None
    assert worker.calls == []
