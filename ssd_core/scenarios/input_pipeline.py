"""The input pipeline: reading, decoding, resizing and batching alone, in a worker that runs no graph."""

from collections.abc import Iterator

from ssd_core.results.case import NO_PRECISION, Case
from ssd_core.results.schema import InputPipelineResult, timing_of
from ssd_core.scenarios.inference import data_of, feed, runs_on
from ssd_core.scenarios.protocol import Context, Scenario
from ssd_core.scenarios.series import steadiness_of, take
from ssd_core.scenarios.settings import Settings
from ssd_core.worker.answers import Durations


def cases(settings: Settings) -> Iterator[Case]:
    """Every batch size."""
    for batch in settings.batch_sizes:
        yield Case("input_pipeline", NO_PRECISION, batch, settings.inter_threads[-1], settings.intra_threads[-1])


class InputPipeline(Scenario):
    """Fetches batches until the stopping rule has enough."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__(case, context)
        self._worker = context.workers.of(case.precision)
        self._records = context.images()
        feed(self._worker, self._records, case.batch_size, context)

    def measure(self) -> InputPipelineResult:
        """The time that each batch takes to arrive."""
        series = take(self.case, self.context, self._run)
        return InputPipelineResult(
            **self.case.fields,
            **timing_of([series.step_ns], self.case.batch_size),
            **steadiness_of([series]),
            data=data_of(self._records),
            **runs_on(self._worker.status()),
        )

    def _run(self, steps: int) -> Durations:
        durations = self._worker.input_only(steps)
        return Durations(durations, durations)
