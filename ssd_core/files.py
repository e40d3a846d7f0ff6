"""Files that are read with a clear answer, and appear whole or not at all; their locks; and the cache folder."""

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ssd_core.errors import UserError

CACHE_VARIABLE = "SSD_VGG16_CACHE"
_CHUNK_BYTES = 1 << 20
_reading_umask = threading.Lock()


@contextlib.contextmanager
def reading(what: str, fix: str) -> Iterator[None]:
    """Make a UserError of an OSError that is raised inside: `what` cannot be read, the reason, and `fix`."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{what} cannot be read ({reason(error)}): {fix}.") from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is renamed to `path`, on any failure it is removed.

    Raises UserError when `path` cannot be a file, its folder cannot be made or written to, or the disk is full.
    """
    check_target(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _unwritable(path.parent, reason(error)) from error
    temporary = Path(name)
    try:
        yield temporary
        with contextlib.suppress(OSError):  # FAT and SMB have no modes to change
            temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        fix = "free some space or choose another folder"
        if error.errno == errno.ENOENT:
            fix = "another program removed it, run the command again"
        raise UserError(f"{path} could not be written ({reason(error)}): {fix}.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_target(path: Path) -> None:
    """UserError where no file can be written at `path`, to be said before the work for it is done."""
    if exists(path) and not is_file(path):
        raise UserError(f"{path} is {'a folder' if is_folder(path) else 'no regular file'}: give the name of a file.")
    folder = next(parent for parent in path.absolute().parents if exists(parent))
    if not is_folder(folder):
        raise _unwritable(folder, os.strerror(errno.ENOTDIR))
    if not os.access(folder, os.W_OK | os.X_OK):
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
        raise _unwritable(folder, os.strerror(errno.EROFS if read_only else errno.EACCES))


def writable_folder(path: Path, fix: str = "choose another folder") -> Path:
    """Make `path` if it is missing and return it; UserError, which ends in `fix`, when nothing can be written there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise _unwritable(path, reason(error), fix) from error


@contextlib.contextmanager
def locked(path: Path, taken: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file `path`; where another process holds it, call `taken`, which may raise, and wait.

    The kernel lets go of the lock when the process ends, however that comes. A file system without locks (some of FUSE
    and SMB) is worked on without.
    """
    try:
        lock = path.open("a")
    except OSError as error:
        raise _unwritable(path, reason(error)) from error
    with lock:
        if not _lock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB):
            taken()
            _lock(lock.fileno(), fcntl.LOCK_EX)
        yield


def _lock(descriptor: int, operation: int) -> bool:
    """False where another process has it."""
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def writable_file(path: Path) -> Path:
    """Make the folder of `path` and return `path`; UserError when no file can be written there. Nothing is left."""
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file.")
    writable_folder(path.parent)
    if path.exists() and not os.access(path, os.W_OK):
        raise UserError(f"{path} cannot be written to (Permission denied): choose another file.")
    return path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; UserError when it cannot be read."""
    digest = hashlib.sha256()
    with reading(str(path), "check the path and its permissions"), path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where made things are kept between runs: $SSD_VGG16_CACHE, or the user's cache folder (XDG base directories).

    UserError where the variable is empty, or where there is no home.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen == "":
        raise UserError(f"{CACHE_VARIABLE} is set and empty: give it the path of a folder, or unset it.")
    if chosen is not None:
        return Path(chosen)
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else _home() / ".cache") / "ssd-vgg16-bench"


def _home() -> Path:
    with contextlib.suppress(RuntimeError):  # neither HOME nor an entry in /etc/passwd
        if os.environ.get("HOME") != "":
            return Path.home()
    raise UserError(f"This user has no home folder to keep the demo in: set {CACHE_VARIABLE} to the path of a folder.")


# pathlib's own raise where a folder on the way may not be searched, or a name is too long.
def exists(path: Path) -> bool:
    """Whether something is there, as far as this user can see."""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: Path) -> bool:
    """Whether a regular file is there, as far as this user can see."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether a folder is there, as far as this user can see."""
    return os.path.isdir(path)  # noqa: PTH112


def absence(path: Path) -> str | None:
    """Why there is no regular file to be seen, in the system's words; None where there is one."""
    try:
        return None if stat.S_ISREG(path.stat().st_mode) else "no regular file"
    except OSError as error:
        return reason(error)


def reason(error: OSError) -> str:
    """Why, in the system's words."""
    return error.strerror or str(error)


def unforeseen(error: OSError) -> UserError:
    """What to say of a file that nobody expected to fail: an emptied cache, a full disk, a folder that was closed."""
    what = os.fsdecode(error.filename) if error.filename else "What is written to"
    return UserError(f"{what} cannot be used ({reason(error)}): check the path, its permissions, and the space left.")


def _unwritable(path: Path, why: str, fix: str = "choose another folder") -> UserError:
    return UserError(f"{path} cannot be written to ({why}): {fix}.")


def _umask() -> int:
    with _reading_umask:  # the system has one for all threads, and only a change tells it
        mask = os.umask(0)
        os.umask(mask)
    return mask
