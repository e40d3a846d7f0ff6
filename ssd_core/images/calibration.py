"""Images to calibrate a quantizer on: the first of a folder of TFRecords, with a progress bar."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ssd_core.images.pipeline import open_pipeline
from ssd_core.images.shards import find_shards


def calibration_images(folder: Path, count: int, batch_size: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yield batches [N, 300, 300, 3] of the first `count` images of `folder`, fewer if it holds fewer."""
    with tqdm(total=count, unit=" images", desc="calibrating") as progress:
        for batch in open_pipeline(find_shards(folder), batch_size, 1, 1, repeat=False):
            images = batch.images[: count - progress.n]
            yield images
            progress.update(len(images))
            if progress.n >= count:
                return
