"""Matches by hotcoco, which finds the same as pycocotools in a fraction of the time (extra `report`)."""

import contextlib
import io
from collections.abc import Sequence

from ssd_core.coco.annotations import Instances
from ssd_core.coco.categories import NAME_OF_ID
from ssd_core.coco.evaluate import objects
from ssd_core.coco.matches import Matches, matches_of
from ssd_core.coco.results import Results

_ALL = [0.0, 1e10]  # square pixels


def fast_matches(results: Results, instances: Instances, image_ids: Sequence[int]) -> Matches:
    """The matches of COCO's results in the images `image_ids`, as `evaluate` finds them."""
    from hotcoco import COCO, COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(
            {
                "images": [{"id": one.id, "width": one.width, "height": one.height} for one in instances.images],
                "categories": [{"id": one, "name": NAME_OF_ID.get(one, str(one))} for one in instances.category_ids],
                "annotations": objects(instances.annotations),
            }
        )
        evaluation = COCOeval(truth, truth.loadRes(list(results.rows())), "bbox")
        evaluation.params.imgIds = sorted(set(image_ids))
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [_ALL], ["all"]  # matches are of all areas
        evaluation.evaluate()
    return matches_of(evaluation)
