"""The profile: where the time of a case goes, layer by layer. It gives no timing result."""

import time
from collections.abc import Iterator, Sequence
from itertools import product
from statistics import median

from ssd_core.precisions import PRECISIONS
from ssd_core.profiling.kernels import Primitive, matched, primitives
from ssd_core.profiling.layers import Node, account
from ssd_core.results.case import Case
from ssd_core.results.schema import ProfileResult
from ssd_core.scenarios.inference import Inference
from ssd_core.scenarios.protocol import Context, Scenario
from ssd_core.scenarios.settings import Settings

_WARMUP_STEPS = 3
_TIME_NS = 5_000_000_000  # for the traced steps, if --steps is not given
_LEAST_STEPS, _MOST_STEPS = 5, 50


def cases(settings: Settings) -> Iterator[Case]:
    """Every batch size and thread count of one session."""
    threads = tuple(product(settings.inter_threads, settings.intra_threads))
    for precision in settings.precisions:
        for batch, (inter, intra) in product(settings.batch_sizes_of(precision), threads):
            yield Case("profile", precision, batch, inter, intra)


class Profile(Scenario):
    """Takes the profile of one case's inference."""

    def __init__(self, case: Case, context: Context) -> None:
        super().__init__(case, context)
        self.inference = Inference(case, context)
        self.inference.open()
        self.inference.feed(context.timing_records())

    def measure(self) -> ProfileResult:
        """The layers' kernels, the machine's roofline, and the times of traced and untraced steps."""
        start, case, worker, settings = time.perf_counter(), self.case, self.inference.worker, self.context.settings
        with self.context.progress.bar(total=4, desc=f"profile {case.id}") as bar:
            kernels, unmatched, precisions = self._kernels()
            bar.update()
            roofline = worker.roofline(precisions, case.num_inter_threads, case.num_intra_threads)
            bar.update()
            first_ns = worker.run(settings.warmup_steps or _WARMUP_STEPS).run_ns
            steps = settings.steps or min(_MOST_STEPS, max(_LEAST_STEPS, _TIME_NS // first_ns[-1]))
            untraced_ns = worker.run(steps).run_ns
            bar.update()
            trace = worker.trace(steps)
            bar.update()
        return ProfileResult(
            **case.fields,
            layers=list(account(trace.nodes, trace.step_ns, kernels, roofline)),
            steps=steps,
            untraced_step_ms=median(untraced_ns) * 1e-6,
            roofline=roofline,
            unmatched_layers=unmatched,
            duration_s=time.perf_counter() - start,
            **self.inference.depends_on(),
        )

    def _kernels(self) -> tuple[dict[str, Primitive], list[str], list[str]]:
        """oneDNN's primitive for each layer by name, the layers for which it is unknown, and the precisions of all.

        Another worker prints oneDNN's lines, because printing would slow the traced steps.
        """
        probe = self.inference.probe()
        layers = [node for node in probe.trace(1).nodes if node.problem is not None]
        probe.output_lines()
        probe.run(1)
        kernels, unmatched = kernels_of(layers, probe.output_lines(), self.case.num_inter_threads == 1)
        ran_in = {node.precision for node in layers if node.multiply_adds}
        return kernels, unmatched, sorted(ran_in & set(PRECISIONS))


def kernels_of(
    layers: Sequence[Node], lines: Sequence[str], one_after_another: bool
) -> tuple[dict[str, Primitive], list[str]]:
    """Each layer's primitive by name, from oneDNN's lines of one step; and the layers without one."""
    asked = {node.name: node.problem for node in layers if node.by_onednn and node.problem is not None}
    ran = matched(list(asked.values()), primitives(lines), one_after_another)
    kernels = {name: primitive for name, primitive in zip(asked, ran, strict=True) if primitive is not None}
    return kernels, [name for name in asked if name not in kernels]
