"""Pictures: those that differ most come first, with the boxes of each precision and of the ground truth."""

from dataclasses import replace

import pytest

from ssd_core.html.picture import TRUTH, Picture
from ssd_core.html.pictures import section
from ssd_core.html.sources import Evaluated, Sources, evaluated
from ssd_core.results.run import Run


@pytest.fixture(scope="module")
def all_of(saved_run: Run) -> Evaluated:
    return evaluated(saved_run, Sources())


def pictures(of: Evaluated) -> list[Picture]:
    return [block for block in section(of, "").blocks if isinstance(block, Picture)]


def test_images_that_differ_come_first_and_some_that_agree_follow(all_of: Evaluated) -> None:
    shown = pictures(all_of)
    assert [one.about for one in shown] == ["1 difference"] * 2 + ["no difference"] * 3
    assert [one.name for one in shown[:2]] == ["000000000004.jpg", "000000000005.jpg"]
    said = section(all_of, "").blocks[0]
    assert isinstance(said, str)
    assert said.startswith("2 of 5 images have a difference between fp32 and int8 or bf16")


def test_a_picture_has_its_boxes_and_their_table(all_of: Evaluated) -> None:
    lost = pictures(all_of)[0]
    assert (lost.width, lost.height) == (300, 200)
    assert lost.jpeg
    assert {box.source for box in lost.boxes} == {TRUTH, "fp32", "bf16"}
    assert lost.categories == ["car"]
    assert lost.table.rows == [["car", "1", "0.60", "-", "0.60"]]
    truth = next(box for box in lost.boxes if box.source == TRUTH)
    assert (truth.x, truth.y, truth.width, truth.height, truth.score) == (60.0, 20.0, 120.0, 80.0, "")


def test_one_precision_is_held_against_the_ground_truth(all_of: Evaluated) -> None:
    alone = replace(all_of, detected={"int8": all_of.detected["int8"]})
    said = section(alone, "").blocks[0]
    assert isinstance(said, str)
    assert said.startswith("3 of 5 images have a difference between int8 and the ground truth")  # and one false alarm


def test_without_records_there_is_no_picture(all_of: Evaluated) -> None:
    assert not section(replace(all_of, records=None), "").filled
    assert section(None, "why").why_empty == "why"
