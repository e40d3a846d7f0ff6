"""Budgets: what a run spends on each measurement where the user gives no counts. `--quick` is the smaller one."""

from collections.abc import Mapping
from dataclasses import dataclass

from ssd_core.stats.steadiness import RELATIVE_WIDTH
from ssd_core.stats.stopping import LEAST_STEPS, LEAST_TIME_S


@dataclass(frozen=True)
class SeriesBudget:
    """The time of one series of steps, with its warm-up."""

    time_limit_s: float
    """The series ends here even if its median is not known well enough."""
    reach_s: float
    """It goes on for so long to reach the largest of the useful numbers of samples that fits."""
    percentiles: tuple[float, ...] = ()
    """Their numbers of samples are useful; so are the six that an interval needs."""


@dataclass(frozen=True)
class Budget:
    """Times, steps and images of a run."""

    quick: bool
    """Whether its results have too few samples for a baseline."""
    series: Mapping[str, SeriesBudget]
    """By kind of case."""
    relative_width: float
    """The median is known well enough when its interval is no wider than this share of it."""
    least_steps: int
    """A series does not end sooner, unless its time is up."""
    least_time_s: float
    """Likewise."""
    yardstick_steps: int
    """Before a case, and again after it."""
    candidate_s: float
    """The time of each candidate of a tuned case's search, after one step of warm-up."""
    candidate_step_s: float
    """No batch size is tried whose step would take longer, by the best rate so far."""
    tuned_batch_sizes: tuple[int, ...]
    """The batch sizes that the search may try."""
    accuracy_images: int | None
    """The first images of the records; None: all."""
    gate_s: float | None
    """How long to measure more if noise hides whether a limit is kept; None: each limit is judged on what there is."""


FULL = Budget(
    quick=False,
    series={
        "throughput": SeriesBudget(10.0, 30.0),
        "latency": SeriesBudget(10.0, 32.0, (90, 95, 99)),
        "input_pipeline": SeriesBudget(5.0, 5.0),
    },
    relative_width=RELATIVE_WIDTH,
    least_steps=LEAST_STEPS,
    least_time_s=LEAST_TIME_S,
    yardstick_steps=10,
    candidate_s=1.0,
    candidate_step_s=2.5,
    tuned_batch_sizes=(1, 2, 4, 8, 16),
    accuracy_images=None,
    gate_s=60.0,
)
QUICK = Budget(
    quick=True,
    series={
        "throughput": SeriesBudget(2.0, 2.0),
        "latency": SeriesBudget(2.0, 2.0),
        "input_pipeline": SeriesBudget(0.5, 0.5),
    },
    relative_width=0.03,
    least_steps=12,
    least_time_s=1.0,
    yardstick_steps=3,
    candidate_s=0.3,
    candidate_step_s=1.0,
    tuned_batch_sizes=(1,),
    accuracy_images=8,
    gate_s=None,
)
