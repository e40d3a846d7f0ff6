"""The converter: a COCO folder as TFRecord shards, `PREFIX-00000-of-00005` and so on, 1,024 images each.

Images keep the order of the annotations file. A shard is written by one process, appears whole or not at all, and has
the same bytes however many processes there are. A conversion that was killed continues after its complete shards.
"""

import errno
import hashlib
import json
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ssd_core.coco.annotations import Annotation, Image, Instances, load
from ssd_core.coco.example import InvalidImageError, is_ambiguous, serialized_example
from ssd_core.coco.journal import Journal, Shard
from ssd_core.errors import UserError
from ssd_core.files import absence, locked, replacing, sha256_of, writable_folder

IMAGES_PER_SHARD = 1024
RECORD_FORMAT = 1  # raise it when the same input starts to give other bytes
_POLL_S = 0.2


@dataclass(frozen=True)
class Summary:
    """What a conversion wrote and what it left out: `invalid` holds a line for each bad image.

    `ambiguous` names the images whose EXIF orientation leaves open which way their boxes are turned.
    """

    shards: tuple[Path, ...]
    written: int
    unannotated: int
    invalid: tuple[str, ...]
    ambiguous: tuple[str, ...]
    reused_shards: int

    @classmethod
    def of(cls, folder: Path, shards: Mapping[str, Shard], unannotated: int, reused: Collection[str]) -> "Summary":
        """Of the shards of a whole conversion, by name."""
        return cls(
            shards=tuple(folder / name for name in shards),
            written=sum(shard.written for shard in shards.values()),
            unannotated=unannotated,
            invalid=tuple(line for shard in shards.values() for line in shard.invalid),
            ambiguous=tuple(name for shard in shards.values() for name in shard.ambiguous),
            reused_shards=len(reused),
        )


@dataclass(frozen=True)
class Job:
    """All that a process needs to write one shard."""

    shard: Path
    image_folder: Path
    images: tuple[tuple[Image, tuple[Annotation, ...]], ...]
    skip_invalid: bool

    @classmethod
    def of(
        cls,
        shard: Path,
        image_folder: Path,
        instances: Instances,
        chosen: Sequence[Image],
        places: range,
        skip_invalid: bool,
    ) -> "Job":
        """The job for the images at these places of those that are chosen."""
        images = chosen[places.start : places.stop]
        return cls(shard, image_folder, tuple((i, instances.of_image.get(i.id, ())) for i in images), skip_invalid)


def write_records(
    image_folder: Path,
    annotations_file: Path,
    output_folder: Path,
    prefix: str,
    *,
    include_unannotated: bool = False,
    skip_invalid: bool = False,
    processes: int | None = None,
    progress: bool = True,
) -> Summary:
    """Write the images of `image_folder` that the annotations file lists as shards in `output_folder`.

    Images without annotations are left out unless `include_unannotated`. An image that is missing, no JPEG, truncated
    or of another size raises UserError; with `skip_invalid` it is left out. At most `processes` work at the same time:
    None means one per CPU, 1 means this process itself. UserError, too, while another conversion writes the same
    shards.
    """
    check_names(prefix, processes)
    instances = load(annotations_file)
    chosen = chosen_images(instances, include_unannotated)
    check_there(chosen, instances.path, image_folder, skip_invalid)
    shards = split(len(chosen), prefix)
    folder = writable_folder(output_folder)
    jobs = {name: Job.of(folder / name, image_folder, instances, chosen, of, skip_invalid) for name, of in shards}
    with one_conversion(output_folder, prefix):
        journal = Journal(output_folder, prefix)
        whole = journal.start({name: fingerprint(job) for name, job in jobs.items()}, skip_invalid)
        to_do = [job for name, job in jobs.items() if name not in whole]
        done = len(chosen) - sum(len(job.images) for job in to_do)
        with tqdm(total=len(chosen), initial=done, unit=" images", desc=prefix, disable=not progress) as bar:
            run_jobs(to_do, processes or len(os.sched_getaffinity(0)), bar, journal.record)
    return Summary.of(folder, {name: journal.shards[name] for name in jobs}, len(instances.images) - len(chosen), whole)


def check_names(prefix: str, processes: int | None) -> None:
    """UserError for a prefix that begins no file's name, and for no process."""
    if not prefix or "/" in prefix:
        raise UserError(f"The output prefix {prefix!r} cannot begin a file's name: give a word such as val.")
    if processes is not None and processes < 1:
        raise UserError(f"{processes} processes cannot convert anything: give 1 or more.")


def one_conversion(folder: Path, prefix: str) -> AbstractContextManager[None]:
    """In the block no other conversion writes the same files; UserError if one does."""

    def taken() -> None:
        raise UserError(
            f"Another conversion writes {prefix}-* into {folder}:"
            " wait until it is done, or choose another --output-path or --output-prefix."
        )

    return locked(folder / f".{prefix}-records.lock", taken)


def chosen_images(instances: Instances, include_unannotated: bool) -> list[Image]:
    """The images to convert, in the order of the file; UserError if there are none."""
    chosen = [image for image in instances.images if include_unannotated or image.id in instances.of_image]
    if not chosen:
        raise UserError(
            f"{instances.path} has no image to convert ({len(instances.images)} images, {len(instances.annotations)}"
            " annotations): give another annotations file, or keep unannotated images with --include-unannotated."
        )
    return chosen


def check_there(images: Sequence[Image], path: Path, image_folder: Path, skip_invalid: bool) -> None:
    """UserError if images of the annotations file `path` are missing, or all of them with `skip_invalid`."""
    missing = {image.file_name: why for image in images if (why := absence(image.path(image_folder)))}
    if missing and (not skip_invalid or len(missing) == len(images)):
        name, why = next(iter(missing.items()))
        raise UserError(
            f"{len(missing)} of the {len(images)} images in {path} are missing from {image_folder}, the first"
            f" is {name} ({why}): give the folder that has them, or leave missing images out with --skip-invalid."
        )


def split(images: int, prefix: str, taken: range | None = None) -> Iterator[tuple[str, range]]:
    """The files of a conversion of so many images, by name, and the places of the images in each.

    With `taken` only the files that hold some of these places, and only these.
    """
    taken = range(images) if taken is None else taken
    count = -(-images // IMAGES_PER_SHARD)
    for number in range(taken.start // IMAGES_PER_SHARD, -(-taken.stop // IMAGES_PER_SHARD) if taken else 0):
        start = number * IMAGES_PER_SHARD
        yield (
            f"{prefix}-{number:05d}-of-{count:05d}",
            range(max(start, taken.start), min(start + IMAGES_PER_SHARD, taken.stop)),
        )


def fingerprint(job: Job) -> str:
    """Changes when the shard's annotations or image files do. Files are compared by size and time, not read."""
    digest = hashlib.sha256(b"%d %b" % (RECORD_FORMAT, os.fsencode(job.image_folder.resolve())))
    for image, annotations in job.images:
        try:
            stat = image.path(job.image_folder).stat()
            state = [stat.st_size, stat.st_mtime_ns]
        except OSError:
            state = []
        digest.update(json.dumps([astuple(image), state, [astuple(a) for a in annotations]]).encode())
    return digest.hexdigest()


def run_jobs(jobs: Sequence[Job], processes: int, bar: "tqdm[Any]", record: Callable[[str, Shard], None]) -> None:
    """Write the jobs' shards and record each when it is complete; the first error stops the others."""
    processes = min(processes, len(jobs))
    if processes <= 1:
        for job in jobs:
            record(job.shard.name, _write_shard(job, bar.update))
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy TensorFlow's locks without their threads
    begun, stop, first = context.Value("q", 0), context.Event(), bar.n
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_enter, initargs=(begun, stop)) as pool:
        try:
            shards = {pool.submit(_write_shard_in_pool, job): job.shard.name for job in jobs}
            pending = set(shards)
            while pending:
                finished, pending = wait(pending, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                bar.update(first + begun.value - bar.n)
                for future in finished:
                    record(shards[future], future.result())
        except BrokenProcessPool as error:
            raise UserError(
                "A process of the conversion was killed, perhaps because memory ran out: run the command again with"
                " fewer --processes. It continues after the complete shards."
            ) from error
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)


def _write_shard(job: Job, begin_image: Callable[[], object]) -> Shard:
    import tensorflow as tf  # it takes 6 s to import

    made_from, written = fingerprint(job), 0
    invalid, ambiguous = [], []
    with replacing(job.shard) as temporary:
        try:
            with tf.io.TFRecordWriter(os.fsencode(temporary)) as writer:
                for image, annotations in job.images:
                    begin_image()
                    try:
                        writer.write(serialized_example(image, annotations, job.image_folder))
                        written += 1
                        if is_ambiguous(image, job.image_folder):
                            ambiguous.append(image.file_name)
                    except InvalidImageError as error:
                        if not job.skip_invalid:
                            raise UserError(
                                f"{image.path(job.image_folder)} {error}: replace the file,"
                                " or leave such images out with --skip-invalid."
                            ) from error
                        invalid.append(f"{image.file_name} {error}")
        except tf.errors.OpError as error:  # the writer raises it in place of OSError
            code = errno.ENOSPC if isinstance(error, tf.errors.ResourceExhaustedError) else errno.EIO
            raise OSError(code, error.message.rpartition("; ")[2]) from error
        sha256 = sha256_of(temporary)
    return Shard(made_from, sha256, written, tuple(invalid), tuple(ambiguous))


_pool: dict[str, Any] = {}  # what the conversion's processes share, in each of them


def _enter(begun: Any, stop: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it
    _pool.update(begun=begun, stop=stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _write_shard_in_pool(job: Job) -> Shard:
    def begin_image() -> None:
        if _pool["stop"].is_set():
            raise UserError("The conversion was stopped.")
        with _pool["begun"].get_lock():
            _pool["begun"].value += 1

    return _write_shard(job, begin_image)
