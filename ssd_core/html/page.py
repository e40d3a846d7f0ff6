"""The page: one HTML file from runs, which needs nothing from anywhere."""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

from tqdm import tqdm

from ssd_core.errors import UserError
from ssd_core.html import (
    accuracy,
    distribution,
    layers,
    machines,
    peers,
    pictures,
    serving,
    settings,
    speeds,
    supply,
    timeline,
    tuning,
    verdicts,
)
from ssd_core.html.chart import Chart, altair, clean
from ssd_core.html.picture import DASHES, INKS, Picture
from ssd_core.html.section import Section, of_run
from ssd_core.html.sources import Evaluated, Sources, evaluated
from ssd_core.output import tables
from ssd_core.output.render import letters
from ssd_core.results.run import Run
from ssd_core.results.schema import AccuracyResult
from ssd_core.verdicts.cross_machine import cross_machine_report
from ssd_core.verdicts.report import Report, UnlikeMachinesError, report


def page(runs: Sequence[Run], sources: Sources) -> str:
    """The HTML of one run, or of several, of which the first is the baseline.

    UserError without the extra, for a run without results, and where `sources` names detections, records or annotations
    that are missing or not those of the last run.
    """
    altair()
    labels = [""] if len(runs) == 1 else letters(len(runs))
    about = [_about(run, label) for run, label in zip(runs, labels, strict=True)]
    return document(", ".join(run.path.name for run in runs), about, sections(runs, labels, sources))


def document(title: str, about: Sequence[str], made: Sequence[Section]) -> str:
    """The HTML of some sections, below lines that say what they are about. UserError without the extra."""
    altair()
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.tests["chart"] = lambda block: isinstance(block, Chart)
    environment.tests["picture"] = lambda block: isinstance(block, Picture)
    environment.tests["text"] = lambda block: isinstance(block, str)
    template = environment.from_string(files("ssd_core.html").joinpath("page.html").read_text(encoding="utf-8"))
    shown = [block for section in made for block in section.blocks if isinstance(block, Picture)]
    drawn = {box.source for one in shown for box in one.boxes}
    text: str = template.render(
        title=title,
        about=about,
        sections=[one for one in made if one.filled],
        empty=[one for one in made if not one.filled],
        categories=sorted({name for one in shown for name in one.categories}),
        inks=[(name, ink, DASHES[name]) for name, ink in INKS.items() if name in drawn],
    )
    return clean(text)


def _about(run: Run, label: str) -> str:
    """A run's file, when it ended, and its commit."""
    ended = f", ended {run.ended[:19].replace('T', ' ')} UTC" if run.ended else ""
    commit = f", commit {run.commit}" if run.commit else ""
    return (
        f"{label + ': ' if label else ''}{run.path}{ended}{commit}{f' (partial: {run.partial})' if run.partial else ''}"
    )


def sections(runs: Sequence[Run], labels: Sequence[str], sources: Sources) -> list[Section]:
    """All sections in their order; a terminal shows a progress bar."""
    comparison = cache(lambda: _comparison(runs))
    detections = cache(lambda: _evaluated(runs, sources))
    figures, of_runs = "All figures of the series", list(zip(runs, labels, strict=True))
    steps: list[Callable[[], Section]] = [
        lambda: verdicts.section(runs, labels, comparison()),
        lambda: machines.section(runs, labels),
        lambda: speeds.section(runs, labels, comparison()),
        lambda: distribution.section(runs, labels),
        lambda: timeline.section(runs, labels),
        lambda: serving.section(runs, labels),
        lambda: tuning.section(runs, labels),
        lambda: layers.section(runs, labels),
        lambda: peers.section(runs, labels),
        lambda: accuracy.section(runs, labels, *detections()),
        lambda: _pictures(*detections(), sources),
        lambda: supply.section(runs, labels),
        lambda: Section("figures", figures, [of_run(tables.timing(r.results).filled, label) for r, label in of_runs]),
        lambda: settings.section(runs, labels),
    ]
    return [make() for make in tqdm(steps, desc="drawing", unit=" sections", leave=False, disable=None)]


def _comparison(runs: Sequence[Run]) -> Report | None:
    """The runs compared with the first; what carries over, if their machines are unlike."""
    if len(runs) == 1:
        return None
    try:
        return report(runs)
    except UnlikeMachinesError:
        return cross_machine_report(runs)


def _evaluated(runs: Sequence[Run], sources: Sources) -> tuple[Evaluated | None, str]:
    """The detections of the last run that has any; or why they are not shown."""
    measured = [run for run in runs if any(isinstance(one, AccuracyResult) for one in run.results)]
    if not measured and not sources.required:
        return None, ""
    try:
        return evaluated((measured or runs)[-1], sources), ""
    except UserError as error:
        if sources.required:
            raise
        return None, str(error)


def _pictures(detections: Evaluated | None, why_empty: str, sources: Sources) -> Section:
    """The pictures; without them if a record is damaged, unless the user named it."""
    try:
        return pictures.section(detections, why_empty)
    except UserError as error:
        if sources.required:
            raise
        return pictures.section(None, str(error))
