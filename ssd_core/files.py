"""Files that appear whole or not at all, their fingerprints, and the cache folder."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ssd_core.errors import UserError

CACHE_VARIABLE = "SSD_VGG16_CACHE"
_CHUNK_BYTES = 1 << 20


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is renamed to `path`, on any failure it is removed.

    Raises UserError when the folder cannot be made or written to, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise UserError(f"{path.parent} cannot be written to ({error.strerror}): choose another folder.") from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise UserError(
            f"{path} could not be written ({error.strerror}): free some space or choose another folder."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def writable_folder(path: Path) -> Path:
    """Make `path` if it is missing and return it; UserError when nothing can be written there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise UserError(f"{path} cannot be written to ({error.strerror}): choose another folder.") from error


def writable_file(path: Path) -> Path:
    """Make the folder of `path` and return `path`; UserError when no file can be written there. Nothing is left."""
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file.")
    writable_folder(path.parent)
    if path.exists() and not os.access(path, os.W_OK):
        raise UserError(f"{path} cannot be written to (Permission denied): choose another file.")
    return path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where made things are kept between runs: $SSD_VGG16_CACHE, or the user's cache folder (XDG base directories)."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ssd-vgg16-bench"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
