"""Detections on pictures: the images on which the precisions differ most, and some on which they agree."""

from collections.abc import Mapping, Sequence
from itertools import islice

from ssd_core.coco.agreement import LEAST_SCORE, differences
from ssd_core.coco.boxes import NOTHING, Boxes, of_truth
from ssd_core.html.picture import TRUTH, Picture, picture
from ssd_core.html.section import Section
from ssd_core.html.sources import Evaluated
from ssd_core.images.stored import stored_images
from ssd_core.precisions import REFERENCE

_DIFFERENT, _ALIKE = 9, 3  # how many pictures of each
TITLE = "Detections on pictures"


def section(evaluated: Evaluated | None, why_empty: str) -> Section:
    """The pictures, with a sentence on how they were chosen."""
    if evaluated is None:
        return Section("pictures", TITLE, [], why_empty)
    if evaluated.records is None:
        return Section("pictures", TITLE, [], evaluated.why_no_records)
    counts, between = _counts(evaluated)
    by_count = sorted(counts, key=lambda image_id: (-counts[image_id], image_id))
    different = list(islice((one for one in by_count if counts[one]), _DIFFERENT))
    alike = list(islice((one for one in by_count if not counts[one] and _found(evaluated, one)), _ALIKE))
    pictures = _pictures(evaluated, [*different, *alike], counts)
    total = sum(1 for count in counts.values() if count)
    said = (
        f"{total} of {len(counts)} images have a difference between {between}: a detection of a score of"
        f" {LEAST_SCORE} or more that only one of them has, with the same category and an overlap of 0.5 or more."
        f" Shown are {len(different)} with most differences and {len(alike)} without."
    )
    return Section("pictures", TITLE, [said, *pictures])


def _counts(evaluated: Evaluated) -> tuple[dict[int, int], str]:
    """Each image's differences between the reference and the others; with one precision, from the ground truth."""
    names = list(evaluated.detected)
    if len(names) == 1:
        counts = {
            i: differences(_truth(evaluated, i), _of(evaluated.detected[names[0]], i)) for i in evaluated.image_ids
        }
        return counts, f"{names[0]} and the {TRUTH}"
    reference = REFERENCE if REFERENCE in names else names[0]
    others = [name for name in names if name != reference]
    counts = {
        i: sum(
            differences(_of(evaluated.detected[reference], i), _of(evaluated.detected[other], i)) for other in others
        )
        for i in evaluated.image_ids
    }
    return counts, f"{reference} and {' or '.join(others)}"


def _of(detected: Mapping[int, Boxes], image_id: int) -> Boxes:
    return detected.get(image_id, NOTHING)


def _truth(evaluated: Evaluated, image_id: int) -> Boxes:
    return of_truth(evaluated.instances.of_image.get(image_id, ()))


def _found(evaluated: Evaluated, image_id: int) -> bool:
    return any((_of(found, image_id).scores >= LEAST_SCORE).any() for found in evaluated.detected.values())


def _pictures(evaluated: Evaluated, image_ids: Sequence[int], counts: Mapping[int, int]) -> list[Picture]:
    assert evaluated.records is not None
    images = {image.id: image for image in evaluated.instances.images}
    names = {images[image_id].file_name for image_id in image_ids}
    encoded = {name: jpeg for name, jpeg in stored_images(evaluated.records.shards) if name in names}
    pictures = []
    for image_id in image_ids:
        image, count = images[image_id], counts[image_id]
        about = "no difference" if not count else f"{count} difference{'' if count == 1 else 's'}"
        detected = {precision: _of(found, image_id) for precision, found in evaluated.detected.items()}
        jpeg, size = encoded.get(image.file_name, b""), (image.width, image.height)
        pictures.append(picture(image.file_name, about, jpeg, size, _truth(evaluated, image_id), detected))
    return pictures
