"""A shard of a conversion: its part, and the records that all parts give, which are those of one process."""

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import sched_getaffinity
from pathlib import Path

from tqdm import tqdm

from ssd_core import __version__
from ssd_core.coco import records
from ssd_core.coco.annotations import load
from ssd_core.coco.journal import Journal, Shard
from ssd_core.coco.part import Placed, RecordsPart, check_file, folder_of, read_part, write_part
from ssd_core.coco.portion import Portion
from ssd_core.coco.records import Job, Summary
from ssd_core.errors import UserError
from ssd_core.files import is_file, reading, replacing, sha256_of, writable_folder

_CHUNK_BYTES = 1 << 20


def write_records_part(
    image_folder: Path,
    annotations_file: Path,
    output_folder: Path,
    prefix: str,
    portion: Portion,
    *,
    include_unannotated: bool = False,
    skip_invalid: bool = False,
    processes: int | None = None,
    progress: bool = True,
) -> Placed:
    """Write one shard of what `write_records` writes, as a part in `output_folder`; a part that is there is kept.

    The images are looked at only as far as they are this shard's.
    """
    records.check_names(prefix, processes)
    instances = load(annotations_file)
    chosen = records.chosen_images(instances, include_unannotated)
    taken = portion.range(len(chosen))
    own = chosen[taken.start : taken.stop]
    if not skip_invalid:  # else `merge_records` says whether all images are missing
        records.check_there(own, instances.path, image_folder, skip_invalid)
    folder = writable_folder(folder_of(output_folder, prefix, portion))
    pieces = records.split(len(chosen), prefix, taken)
    jobs = {name: Job.of(folder / name, image_folder, instances, chosen, of, skip_invalid) for name, of in pieces}
    whole = {
        "annotations_sha256": sha256_of(annotations_file),
        "include_unannotated": include_unannotated,
        "skip_invalid": skip_invalid,
        "images_a_file": records.IMAGES_PER_SHARD,
        "record_format": records.RECORD_FORMAT,
        "version": __version__,
    }
    if (kept := _kept(folder, whole, {name: records.fingerprint(job) for name, job in jobs.items()})) is not None:
        return kept
    written: dict[str, Shard] = {}
    with tqdm(total=len(own), unit=" images", desc=f"{prefix} {portion}", disable=not progress) as bar:
        records.run_jobs(list(jobs.values()), processes or len(sched_getaffinity(0)), bar, written.__setitem__)
    part = RecordsPart(
        name=prefix,
        number=portion.number,
        of=portion.of,
        whole=whole,
        pieces={name: written[name] for name in jobs},
        images=len(chosen),
        unannotated=len(instances.images) - len(chosen),
    )
    write_part(folder, part)
    return Placed(folder, part)


def merge_records(parts: Sequence[Placed], output_folder: Path, *, link: bool = False) -> Summary:
    """The records of all parts of a run, which are in order: the same files as one process writes.

    With `link` a piece that is a whole file is not copied; it is for parts that are removed afterwards. Files that an
    earlier call wrote from the same parts are kept. UserError if a piece is not what its shard wrote.
    """
    pieces: dict[str, list[tuple[Path, Shard]]] = {}
    first = _records(parts[0])
    for placed in parts:
        for name, shard in _records(placed).pieces.items():
            pieces.setdefault(name, []).append((placed.folder / name, shard))
    if not _written(pieces.values()):
        raise UserError(f"All images of {first.title} were left out: give the folder that has them to its shards.")
    folder = writable_folder(output_folder)
    with records.one_conversion(folder, first.name):
        journal = Journal(folder, first.name)
        whole = journal.start({name: _made_from(of_file) for name, of_file in pieces.items()}, skip_invalid=True)
        to_do = [name for name in pieces if name not in whole]
        with (
            ThreadPoolExecutor(len(sched_getaffinity(0))) as pool,
            tqdm(total=_written(pieces.values()), unit=" images", desc=f"{first.name} merge") as bar,
        ):
            bar.update(_written(pieces[name] for name in whole))
            joined = pool.map(lambda name: _join(pieces[name], folder / name, link), to_do)
            for name, shard in zip(to_do, joined, strict=True):
                journal.record(name, shard)
                bar.update(shard.written)
        return Summary.of(folder, {name: journal.shards[name] for name in pieces}, first.unannotated, whole)


def _records(placed: Placed) -> RecordsPart:
    assert isinstance(placed.part, RecordsPart)
    return placed.part


def _kept(folder: Path, whole: dict[str, object], made_from: dict[str, str]) -> Placed | None:
    """The part that is there already, if it is of the same run and of the same image files."""
    try:
        placed = read_part(folder)
    except UserError:
        return None
    part = placed.part
    if not isinstance(part, RecordsPart) or part.whole != whole:
        return None
    same = {name: shard.made_from for name, shard in part.pieces.items()} == made_from
    there = all(is_file(folder / name) and sha256_of(folder / name) == s.sha256 for name, s in part.pieces.items())
    return placed if same and there else None


def _written(files: Iterable[Sequence[tuple[Path, Shard]]]) -> int:
    return sum(shard.written for pieces in files for _, shard in pieces)


def _made_from(pieces: Sequence[tuple[Path, Shard]]) -> str:
    """Changes when a piece does."""
    return hashlib.sha256("".join(shard.sha256 for _, shard in pieces).encode()).hexdigest()


def _join(pieces: Sequence[tuple[Path, Shard]], target: Path, link: bool) -> Shard:
    """Write the pieces of one file one after the other."""
    with replacing(target) as temporary:
        if link and len(pieces) == 1:
            ((path, shard),) = pieces
            check_file(path, shard.sha256)
            _link(path, temporary)
            sha256 = shard.sha256
        else:
            sha256 = _concatenate(pieces, temporary)
    return Shard(
        _made_from(pieces),
        sha256,
        sum(shard.written for _, shard in pieces),
        tuple(line for _, shard in pieces for line in shard.invalid),
        tuple(name for _, shard in pieces for name in shard.ambiguous),
    )


def _link(path: Path, target: Path) -> None:
    """Give the file a second name; a file system that has none gets a copy."""
    target.unlink()
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)


def _concatenate(pieces: Sequence[tuple[Path, Shard]], target: Path) -> str:
    """Write the pieces one after the other, each checked while it is read; the SHA-256 of all."""
    whole = hashlib.sha256()
    with target.open("wb") as output:
        for path, shard in pieces:
            digest = hashlib.sha256()
            with reading(str(path), "copy the part again, or run its shard again"), path.open("rb") as piece:
                while chunk := piece.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    whole.update(chunk)
                    output.write(chunk)
            if digest.hexdigest() != shard.sha256:
                raise UserError(f"{path} is not what its shard wrote: copy the part again, or run its shard again.")
    return whole.hexdigest()
