"""Memory allocators: where TCMalloc and jemalloc lie on this machine, how they are preloaded, and which one ran."""

import ctypes
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ssd_core.errors import UserError
from ssd_core.machine.cgroup import ROOT
from ssd_core.precisions import PRECISIONS

AllocatorName = Literal["tcmalloc", "jemalloc", "malloc"]
NAMES: tuple[AllocatorName, ...] = get_args(AllocatorName)

# The smaller build first: the same allocator without the heap profiler.
_FILE_NAMES = {
    "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc.so.4", "libtcmalloc_minimal.so", "libtcmalloc.so"),
    "jemalloc": ("libjemalloc.so.2", "libjemalloc.so"),
}
_PACKAGES = {
    "tcmalloc": {
        "Debian 12, Ubuntu 22.04": "apt install libtcmalloc-minimal4",
        "Debian 13, Ubuntu 24.04": "apt install libtcmalloc-minimal4t64",
        "Fedora": "dnf install gperftools-libs",
    },
    "jemalloc": {"Debian, Ubuntu": "apt install libjemalloc2", "Fedora": "dnf install jemalloc"},
}
_FUNCTIONS = ("malloc", "calloc", "realloc", "posix_memalign")
_SEPARATORS = re.compile(r"[:\s]+")  # ld.so(8): LD_PRELOAD takes colons and spaces
_C_LIBRARY = re.compile(r"libc[.-]|ld-musl")  # glibc's own and musl's; not libc_malloc_debug.so
_ELF_HEADER_BYTES = 20


@dataclass(frozen=True)
class Allocator:
    """An allocator and its library; `path` is None for the C library's own malloc.

    An allocator that ran and is not in `NAMES` has the file name of its library as its name.
    """

    name: str
    path: str | None = None


def find(name: AllocatorName, root: Path = ROOT) -> Path | None:
    """The library of `name` that this machine's loader can load into this Python, or None."""
    for candidate in _candidates(name, root):
        if _fits_this_python(candidate):
            return candidate
    return None


def choose(name: AllocatorName | None, precision: str, root: Path = ROOT) -> tuple[Allocator, str | None]:
    """The allocator for a precision, and a line for the user where it is not the wanted one.

    Without `name` it is the one that the precision's row names, and malloc where no network runs. One that is not found
    is replaced by malloc.
    """
    wanted = name or (PRECISIONS[precision].allocator if precision in PRECISIONS else "malloc")
    if wanted == "malloc":
        return Allocator("malloc"), None
    path = find(wanted, root)
    if path is None:
        return Allocator("malloc"), f"{not_found(wanted)}; {precision} runs with malloc."
    return Allocator(wanted, str(path)), None


def require(name: AllocatorName, root: Path = ROOT) -> Allocator:
    """The allocator `name`; UserError with what to install where it is not found."""
    path = None if name == "malloc" else find(name, root)
    if name != "malloc" and path is None:
        raise UserError(f"{not_found(name)}, or choose another allocator.")
    return Allocator(name, str(path) if path else None)


def not_found(name: AllocatorName) -> str:
    """The sentence that says what to install, without its full stop."""
    ways = "; ".join(f"{command} ({system})" for system, command in _PACKAGES[name].items())
    return f"{name} was not found: install it with {ways}"


def preload(allocator: Allocator, environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with LD_PRELOAD such that `allocator` is the one that runs.

    What the user preloads stays, except another allocator: the first malloc in the list is the one that is used.
    """
    libraries = [path for path in _preloaded(environment) if name_of(path) == "malloc"]
    if allocator.path is not None:
        libraries.insert(0, allocator.path)
    composed = {key: value for key, value in environment.items() if key != "LD_PRELOAD"}
    return composed | ({"LD_PRELOAD": ":".join(libraries)} if libraries else {})


def displaced(environment: Mapping[str, str], chosen: Mapping[str, Allocator]) -> Iterator[str]:
    """A line for each allocator that the user preloads but that the choice for some precision does not use."""
    for path in _preloaded(environment):
        name = name_of(path)
        without = [precision for precision, allocator in chosen.items() if allocator.name != name]
        if name != "malloc" and without:
            yield f"LD_PRELOAD names {path}; without it: {', '.join(without)}. To choose it: --allocator {name}."


def _preloaded(environment: Mapping[str, str]) -> list[str]:
    return [path for path in _SEPARATORS.split(environment.get("LD_PRELOAD", "")) if path]


def running_allocator() -> Allocator:
    """The allocator that this very process runs on."""
    process = ctypes.CDLL(None)
    addresses = [ctypes.cast(getattr(process, name), ctypes.c_void_p).value or 0 for name in _FUNCTIONS]
    maps = os.fsdecode(Path("/proc/self/maps").read_bytes())
    return allocator_that_ran(maps, addresses, str(Path("/proc/self/exe").readlink()))


def allocator_that_ran(maps: str, addresses: Sequence[int], executable: str) -> Allocator:
    """The library that holds the allocating functions which a process calls; `maps` is its /proc/PID/maps.

    A library that is only loaded, or preloaded but not used, is not mistaken for the one that ran. The first function
    outside the executable decides: an executable that is not position-independent (Debian's Python) shows a stub of its
    own for every function whose address it takes.
    """
    places = [_mapping(maps, address) for address in addresses]
    path = next((place for place in places if place != executable), executable)
    if path is None or path == executable or _C_LIBRARY.match(Path(path).name):
        return Allocator("malloc", path)
    known = name_of(path)
    return Allocator(Path(path).name if known == "malloc" else known, path)


def _mapping(maps: str, address: int) -> str | None:
    """The file that is mapped at an address, None where it is no file."""
    for line in maps.splitlines():
        span, *rest = line.split(maxsplit=5)
        start, _, end = span.partition("-")
        if int(start, 16) <= address < int(end, 16):
            return rest[4] if len(rest) > 4 else None
    raise ValueError(f"no mapping holds {address:#x}")


def name_of(path: str) -> AllocatorName:
    """The allocator that a library's file name tells; for every other library it is malloc."""
    stem = Path(path).name
    if stem.startswith("libtcmalloc"):
        return "tcmalloc"
    return "jemalloc" if stem.startswith("libjemalloc") else "malloc"


def _candidates(name: str, root: Path) -> Iterator[Path]:
    """Every file that may be the library: what ldconfig lists, then the folders of the distributions."""
    listed = _ldconfig() if root == ROOT else {}
    folders = [
        *(root.joinpath(*parts) for parts in (("usr", "lib64"), ("usr", "lib"), ("lib64",), ("usr", "local", "lib"))),
        *sorted(root.glob(f"usr/lib/{platform.machine()}-*")),  # Debian and Ubuntu: one folder a triplet
        *([Path(sys.prefix) / "lib"] if root == ROOT else []),  # conda
    ]
    for file_name in _FILE_NAMES[name]:
        yield from (Path(path) for path in listed.get(file_name, ()))
        yield from (folder / file_name for folder in folders)


def _ldconfig() -> dict[str, list[str]]:
    """Library name -> paths, from the loader's cache: lines like `libz.so.1 (libc6,x86-64) => /lib/libz.so.1`."""
    program = shutil.which("ldconfig", path=f"{os.environ.get('PATH', '')}:/sbin:/usr/sbin")
    if program is None:
        return {}
    try:
        text = os.fsdecode(subprocess.run([program, "-p"], check=False, capture_output=True, timeout=10).stdout)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    libraries: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, arrow, path = line.strip().partition(" => ")
        if arrow:
            libraries.setdefault(name.split()[0], []).append(path)
    return libraries


def _fits_this_python(library: Path) -> bool:
    """Whether the library is of the same word size and processor as the running Python (bytes 4 and 18–19 of ELF)."""
    return (header := _elf_kind(library)) is not None and header == _elf_kind(Path(sys.executable))


def _elf_kind(path: Path) -> tuple[int, bytes] | None:
    try:
        with path.open("rb") as stream:
            header = stream.read(_ELF_HEADER_BYTES)
    except OSError:
        return None
    return (header[4], header[18:20]) if header.startswith(b"\x7fELF") and len(header) == _ELF_HEADER_BYTES else None
