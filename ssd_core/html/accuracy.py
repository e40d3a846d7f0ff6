"""Accuracy: COCO's 12 numbers of each precision, AP with its interval, AP by category, and precision-recall curves."""

from collections.abc import Iterator, Sequence

import numpy as np

from ssd_core.coco.average_precision import RECALLS, average_precision, precisions_at_recalls
from ssd_core.coco.categories import NAME_OF_ID
from ssd_core.coco.matches import Matches
from ssd_core.coco.resample import ap_interval, ap_loss_interval
from ssd_core.errors import UserError
from ssd_core.html import intervals
from ssd_core.html.chart import WIDTH, Chart, Row, altair, by_precision, data, drawn
from ssd_core.html.intervals import Value
from ssd_core.html.section import Block, Section, of_run
from ssd_core.html.sources import Evaluated
from ssd_core.output import tables
from ssd_core.output.table import Table
from ssd_core.precisions import REFERENCE
from ssd_core.results.run import Run
from ssd_core.results.schema import AccuracyResult
from ssd_core.stats.figures import OF_AP

_CURVES = {"0.50": 0, "0.75": 5}  # IoU and its place among COCO's ten
_SHOWN = 20  # categories in the chart; the table has all

Labelled = tuple[str, AccuracyResult]


def section(runs: Sequence[Run], labels: Sequence[str], evaluated: Evaluated | None, why_empty: str) -> Section:
    """The numbers of every run; of the last one with detections also the intervals, categories and curves."""
    results = [
        (label, one)
        for run, label in zip(runs, labels, strict=True)
        for one in run.results
        if isinstance(one, AccuracyResult)
    ]
    if not results:
        return Section("accuracy", "Accuracy on COCO", [])
    more = [why_empty] if evaluated is None else list(_of_detections(evaluated, len(runs) > 1))
    about = [of_run(tables.accuracy(run.results).filled, label) for run, label in zip(runs, labels, strict=True)]
    return Section("accuracy", "Accuracy on COCO", [*_numbers(results), _table(results), *about, *more])


def _numbers(results: Sequence[Labelled]) -> Iterator[Chart]:
    values = [
        Value(name, result.precision, value, value, value, label)
        for label, result in results
        for name, value in result.accuracy.items()
        if value >= 0
    ]
    if values:
        yield intervals.chart(values, "COCO's numbers by precision", "AP or AR", digits=3)


def _table(results: Sequence[Labelled]) -> Table:
    names = list(dict.fromkeys(name for _, result in results for name in result.accuracy))
    header = ["number", *(f"{result.precision} {label}".strip() for label, result in results)]
    return Table(header, [[name, *(_cell(result.accuracy.get(name)) for _, result in results)] for name in names])


def _cell(value: float | None) -> str:
    return "" if value is None or value < 0 else f"{value:{OF_AP}}"


def _loss(value: float) -> str:
    said = f"{value:{OF_AP}}"
    return said.removeprefix("-") if not float(said) else said


def _of_detections(evaluated: Evaluated, several: bool) -> Iterator[Block]:
    if several:
        yield f"The intervals, categories and curves below are those of {evaluated.run.path.name}."
    yield from _with_intervals(evaluated)
    yield from _categories(evaluated)
    yield from _curves(evaluated)


def _with_intervals(evaluated: Evaluated) -> Iterator[Block]:
    matches = evaluated.matches
    try:
        found = {precision: ap_interval(own) for precision, own in matches.items()}
    except UserError as error:  # too few images
        yield str(error)
        return
    values = [Value(p, p, one.value, min(one.low, one.value), max(one.high, one.value)) for p, one in found.items()]
    yield intervals.chart(values, "AP with its 95 % interval over images", "AP", zero=False, digits=3)
    rows = []
    for precision, ap in found.items():
        cells = [f"{ap.value:{OF_AP}}", f"{ap.low:{OF_AP}} to {ap.high:{OF_AP}}"]
        if REFERENCE in matches and precision != REFERENCE:
            loss = ap_loss_interval(matches[REFERENCE], matches[precision])
            cells += [_loss(loss.value), f"{_loss(loss.low)} to {_loss(loss.high)}"]
        else:
            cells += ["", ""]
        rows.append([precision, *cells])
    note = "Bootstrap over images; a loss is taken on the same images, so that its interval is the narrower one."
    header = ["precision", "AP", "95 % interval", f"loss of AP to {REFERENCE}", "95 % interval of the loss"]
    yield Table(header, rows, [note]).filled


def _categories(evaluated: Evaluated) -> Iterator[Block]:
    by_precision_ = {precision: _by_category(own) for precision, own in evaluated.matches.items()}
    objects = {one.category_id: int(one.objects.sum()) for own in evaluated.matches.values() for one in own.categories}
    names = list(by_precision_)
    changes = {one: max(of.values()) - min(of.values()) for one in objects if (of := _aps(by_precision_, one))}
    order = sorted(objects, key=lambda one: (-changes[one], NAME_OF_ID[one]))
    values = [
        Value(NAME_OF_ID[one], precision, ap, ap, ap)
        for one in order[:_SHOWN]
        for precision, ap in _aps(by_precision_, one).items()
    ]
    if values:
        title = "AP by category" + (f", the {_SHOWN} that differ most" if len(order) > _SHOWN else "")
        yield intervals.chart(values, title, "AP", digits=3)
    rows = [
        [
            *(NAME_OF_ID[one], str(objects[one])),
            *(_cell(by_precision_[name].get(one)) for name in names),
            *([f"{changes[one]:{OF_AP}}"] if len(names) > 1 else []),
        ]
        for one in order
    ]
    yield Table(["category", "objects", *names, *(["largest difference"] if len(names) > 1 else [])], rows)


def _aps(by_category: dict[str, dict[int, float]], category: int) -> dict[str, float]:
    return {precision: of[category] for precision, of in by_category.items() if category in of}


def _by_category(matches: Matches) -> dict[int, float]:
    return {one.category_id: average_precision(Matches(matches.image_ids, (one,))) for one in matches.categories}


def _curves(evaluated: Evaluated) -> Iterator[Chart]:
    alt = altair()
    rows: list[Row] = []
    for precision, own in evaluated.matches.items():
        if not own.categories:  # no image has an object
            return
        mean = np.mean([precisions_at_recalls(one) for one in own.categories], axis=0)
        for iou, place in _CURVES.items():
            for recall, value in zip(RECALLS.tolist(), mean[place].tolist(), strict=True):
                series = {"precision": precision, "iou": f"IoU {iou}", "said": f"{precision}, IoU {iou}"}
                rows.append({**series, "recall": round(recall, 2), "value": round(value, 4)})
    chart = (
        alt.Chart(data(rows))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("recall:Q", title="recall"),
            y=alt.Y("value:Q", title="precision", scale=alt.Scale(domain=[0, 1])),
            color=by_precision(rows),
            strokeDash=alt.StrokeDash("iou:N", title=None),
            description="said:N",
        )
        .properties(width=WIDTH - 160, height=260)
    )
    yield drawn(chart, "Precision over recall, the mean of all categories", "The area below a curve is AP50 or AP75.")
