"""What do a conversion and an evaluation cost as the images grow in number? A row for each step and size.

`python -m tests.scale.cost 5000 20000 100000 --folder FOLDER` generates pictures of 640x480 there (256, linked under
many names) with seven boxes each, converts them, and writes, reads and evaluates simulated detections. With `--ray` it
also converts on two shards of a cluster that it starts before; the memory of Ray's workers is not in the row.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image

from ssd_core.coco.categories import CATEGORIES
from ssd_core.output.table import Table
from tests.scale.nodes import cluster

PICTURES = 256
BOXES = 7  # of an image; COCO has 7.3
DETECTIONS = 100  # of an image: as many as COCO's evaluation looks at
_WIDTH, _HEIGHT = 640, 480
_COLUMNS = ["step", "images", "s", "images/s", "peak memory MiB"]
_EVALUATE = """
import sys
from pathlib import Path
import numpy as np
from ssd_core.coco import annotations
from ssd_core.coco.evaluate import evaluate
from ssd_core.coco.results import Results, read_results, write_results

random, instances, of = np.random.default_rng(0), annotations.load(Path(sys.argv[1])), int(sys.argv[2])
ids = [image.id for image in instances.images]
truth = np.array([[one.box for one in instances.of_image[image_id]] for image_id in ids])
category_ids = np.array([[one.category_id for one in instances.of_image[image_id]] for image_id in ids])
number = np.arange(of)
own = number % truth.shape[1]
boxes = truth[:, own] + random.normal(0, 1, (len(ids), of, 4)) * (1 + number)[:, None]
scores = random.uniform(size=len(ids) * of).round(6)
results = Results(np.repeat(ids, of), category_ids[:, own].ravel(), boxes.round(3).reshape(-1, 4), scores)
write_results(results, Path(sys.argv[3]))
print(evaluate(read_results(Path(sys.argv[3])), instances, ids).AP)
"""


def generate(folder: Path, count: int) -> None:
    """Write the pictures and an annotations file."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    pictures = [images / f"picture-{number}.jpg" for number in range(PICTURES)]
    for path in pictures:
        coarse = Image.fromarray(random.integers(0, 256, (_HEIGHT // 8, _WIDTH // 8, 3), np.uint8))
        smooth = np.asarray(coarse.resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)).astype(int)
        noisy = (smooth + random.integers(-12, 12, smooth.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(path, quality=88)
    listed, boxes = [], []
    for number in range(1, count + 1):
        name = f"{number:012d}.jpg"
        (images / name).unlink(missing_ok=True)
        (images / name).hardlink_to(pictures[number % PICTURES])
        listed.append({"id": number, "file_name": name, "height": _HEIGHT, "width": _WIDTH})
        for k in range(BOXES):
            category_id, _ = CATEGORIES[(number + k) % len(CATEGORIES)]
            of = {"id": number * 10 + k, "image_id": number, "category_id": category_id}
            boxes.append(of | {"bbox": [10.5 * k + 1, 20.25, 100 + k, 80], "area": 8000, "iscrowd": 0})
    categories = [{"id": category_id, "name": name} for category_id, name in CATEGORIES]
    document = {"images": listed, "annotations": boxes, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(document))


def measured(step: str, images: int, arguments: Sequence[str]) -> list[str]:
    """A row: seconds and peak memory of this Python with some arguments, and of the processes that it starts."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{step} of {images} images ended with status {process.returncode}")
    return [step, f"{images:,}", f"{seconds:.1f}", f"{images / seconds:,.0f}", f"{used.ru_maxrss / 1024:,.0f}"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row as each step ends, and the table of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=int, nargs="+", help="how many images")
    parser.add_argument("--folder", type=Path, required=True, help="where the pictures are kept")
    parser.add_argument("--ray", action="store_true", help="convert on a cluster, too, which is started here")
    parser.add_argument("--rounds", type=int, default=1, help="how often each conversion runs (default: %(default)s)")
    parser.add_argument("--detections", type=int, default=DETECTIONS, help="of an image (default: %(default)s)")
    given, rows = parser.parse_args(arguments), []
    with ExitStack() as stack:
        address = _two_cpus(stack) if given.ray else None
        for count in given.images:
            folder, records = given.folder / str(count), given.folder / "records"
            if not (folder / "instances.json").is_file():
                generate(folder, count)
            steps = conversions(folder, records, address)
            for step, command in list(steps.items()) * given.rounds:
                shutil.rmtree(records, ignore_errors=True)
                rows.append(measured(step, count, command))
                print(rows[-1], flush=True)
            shutil.rmtree(records, ignore_errors=True)
            found = folder / "detections.json"
            evaluation = ["-c", _EVALUATE, str(folder / "instances.json"), str(given.detections), str(found)]
            rows.append(measured(f"evaluation of {given.detections} an image", count, evaluation))
            found.unlink()
            print(rows[-1], flush=True)
    print("\n".join(Table(_COLUMNS, rows).markdown()))


def conversions(folder: Path, records: Path, address: str | None) -> dict[str, list[str]]:
    """The arguments of each way to convert."""
    common = ["-m", "ssd_core", "generate-coco-records", "--image-path", str(folder / "images")]
    common += ["--annotations-file", str(folder / "instances.json"), "--output-path", str(records)]
    ray = {} if address is None else {"--ray, two shards": ["--ray", address, "--shards", "2"]}
    steps = {"--processes 2": ["--processes", "2"]} | ray | {"--shard 1/4": ["--shard", "1/4", "--processes", "1"]}
    return {step: [*common, *own] for step, own in steps.items()}


def _two_cpus(stack: ExitStack) -> str:
    """The address of a cluster that ends with the stack."""
    nodes = stack.enter_context(cluster())
    nodes.add(cpus=2)
    return nodes.address


if __name__ == "__main__":
    main()
