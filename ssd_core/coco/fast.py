"""Matches by hotcoco, which finds the same as pycocotools in a fraction of the time (extra `report`)."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

from ssd_core.coco.annotations import Instances
from ssd_core.coco.evaluate import data_set, objects
from ssd_core.coco.matches import Matches, matches_of

_ALL = [0.0, 1e10]  # square pixels


def fast_matches(results: Sequence[dict[str, Any]], instances: Instances, image_ids: Sequence[int]) -> Matches:
    """The matches of COCO's results in the images `image_ids`, as `evaluate` finds them."""
    from hotcoco import COCO, COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(data_set(instances, objects(instances)))
        evaluation = COCOeval(truth, truth.loadRes(list(results)), "bbox")
        evaluation.params.imgIds = sorted(set(image_ids))
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [_ALL], ["all"]  # matches are of all areas
        evaluation.evaluate()
    return matches_of(evaluation)
