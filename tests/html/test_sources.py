"""The detections of a run are read, evaluated again, and held against its AP."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from ssd_core.errors import UserError
from ssd_core.html.sources import Sources, evaluated
from ssd_core.results.parts import Data
from ssd_core.results.run import Run
from ssd_core.results.schema import AccuracyResult


def changed(run: Run, **changes: object) -> Run:
    """The run with changes of its accuracy results."""
    results = [
        msgspec.structs.replace(one, **changes) if isinstance(one, AccuracyResult) else one for one in run.results
    ]
    return replace(run, results=tuple(results))


def test_all_precisions_have_detections_and_matches(saved_run: Run) -> None:
    one = evaluated(saved_run, Sources())
    assert list(one.detected) == ["fp32", "int8", "bf16"]
    assert one.image_ids == (1, 2, 3, 4, 5)
    assert one.records is not None
    assert [len(found) for found in one.detected.values()] == [5, 3, 5]


def test_records_that_changed_give_no_pictures(saved_run: Run, noise_records: Path) -> None:
    other = Data("records", str(noise_records), 5, "0" * 16)
    with pytest.raises(UserError, match="are others by now: name those"):
        evaluated(changed(saved_run, data=other), Sources())
    named = Sources(annotations=noise_records / "instances_val2017.json")
    without = evaluated(changed(saved_run, data=other), named)
    assert (without.records, without.why_no_records[:29]) == (None, "the records are others by now")
    with pytest.raises(UserError, match="holds other records"):
        evaluated(changed(saved_run, data=other), Sources(data=noise_records))


def test_the_first_images_are_those_of_the_records(saved_run: Run) -> None:
    with pytest.raises(UserError, match="has detections in image 4, which was not evaluated"):
        evaluated(changed(saved_run, images=3), Sources())


def test_a_run_of_an_older_version_names_no_file(saved_run: Run) -> None:
    with pytest.raises(UserError, match="does not name its file of detections"):
        evaluated(changed(saved_run, detections_file=None), Sources())


def test_a_file_name_leads_to_no_other_folder(saved_run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path}/passwd cannot be read"):
        evaluated(changed(saved_run, detections_file="../../etc/passwd"), Sources(detections=tmp_path))


def test_an_unknown_category_is_named(saved_run: Run, saved: Path, tmp_path: Path) -> None:
    for path in saved.parent.glob("detections_*.json"):
        found = json.loads(path.read_text())
        (tmp_path / path.name).write_text(json.dumps([one | {"category_id": 12} for one in found]))
    with pytest.raises(UserError, match="has the category 12"):
        evaluated(saved_run, Sources(detections=tmp_path))
