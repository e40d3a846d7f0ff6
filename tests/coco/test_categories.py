from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ssd_core.coco.categories import CATEGORIES, ID_OF_LABEL, LABEL_OF_ID, NAME_OF_ID

GAPS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


def test_ids_are_those_of_coco() -> None:
    assert [category_id for category_id, _ in CATEGORIES] == [i for i in range(1, 91) if i not in GAPS]
    assert len(set(NAME_OF_ID.values())) == 80


@given(st.sampled_from(sorted(LABEL_OF_ID)), st.sampled_from(sorted(LABEL_OF_ID)))
def test_labels_are_a_bijection_in_the_order_of_ids(first: int, second: int) -> None:
    assert ID_OF_LABEL[LABEL_OF_ID[first]] == first
    assert (first < second) == (LABEL_OF_ID[first] < LABEL_OF_ID[second])


def test_labels_count_from_1_to_80() -> None:
    assert sorted(ID_OF_LABEL) == list(range(1, 81))
    assert (LABEL_OF_ID[1], LABEL_OF_ID[13], LABEL_OF_ID[90]) == (1, 12, 80)


def test_names_agree_with_a_real_annotations_file(coco_mini: Any) -> None:
    assert [(c["id"], c["name"]) for c in coco_mini.document["categories"]] == list(CATEGORIES)
