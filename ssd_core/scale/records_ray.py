"""A conversion on a Ray cluster: the shards of `generate-coco-records --shard`, and what merge gives of them."""

import shutil
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from ssd_core.coco.annotations import load
from ssd_core.coco.part import folder_of, grouped
from ssd_core.coco.portion import Portion
from ssd_core.coco.records import Summary, check_names, chosen_images
from ssd_core.coco.records_part import merge_records
from ssd_core.errors import UserError
from ssd_core.scale.cluster import Cluster
from ssd_core.scale.shards import check_nodes, parts_folder, run_shards, slots


def convert_on(
    address: str,
    shards: int | None,
    image_folder: Path,
    annotations_file: Path,
    output_folder: Path,
    prefix: str,
    *,
    include_unannotated: bool,
    skip_invalid: bool,
) -> Summary:
    """Convert on the nodes of a cluster; the files are those of one process.

    The output folder and the images have to be in folders that all nodes share. Complete parts of a run that ended
    early are kept for the next one.
    """
    check_names(prefix, None)
    if shards is not None and shards < 1:
        raise UserError(f"{shards} shards cannot convert anything: give 1 or more.")
    flags = {"--include-unannotated": include_unannotated, "--skip-invalid": skip_invalid}
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster(address))
        images = len(chosen_images(load(annotations_file), include_unannotated))  # while Ray connects
        parts = stack.enter_context(parts_folder(output_folder, prefix))
        stack.callback(cluster.close)  # no task may run when the folder is let go
        of = shards or slots(cluster, 1)

        def arguments(portion: Portion) -> list[str]:
            return [
                *("-P", "-m", "ssd_core", "generate-coco-records", "--shard", str(portion), "--processes", "1"),
                *("--image-path", str(image_folder.absolute())),
                *("--annotations-file", str(annotations_file.absolute())),
                *("--output-path", str(parts.absolute()), "--output-prefix", prefix),
                *(flag for flag, given in flags.items() if given),
            ]

        check_nodes(cluster, parts, [image_folder.absolute(), annotations_file.absolute()], None, alike=False)
        portions = [Portion(number, of) for number in range(1, of + 1)]
        with tqdm(total=images, unit=" images", desc=prefix) as bar:
            run_shards(cluster, arguments, [len(portion.range(images)) for portion in portions], bar)
        cluster.finish()
        (group,) = grouped(folder_of(parts, prefix, portion) for portion in portions).values()
        summary = merge_records(group, output_folder, link=True)
        shutil.rmtree(parts)
    return summary
