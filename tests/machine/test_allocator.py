import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.machine import allocator
from ssd_core.machine.allocator import Allocator

MAPS = """\
55e4d0a00000-55e4d0c00000 r-xp 00000000 08:01 123        /usr/bin/python3.11
7f0000000000-7f0000100000 rw-p 00000000 00:00 0
7f1000000000-7f1000020000 r--p 00000000 08:01 124        /usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4.5.10
7f1000020000-7f1000050000 r-xp 00020000 08:01 124        /usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4.5.10
7f2000000000-7f2000100000 r-xp 00020000 08:01 125        /usr/lib/x86_64-linux-gnu/libc.so.6
7f3000000000-7f3000100000 r-xp 00020000 08:01 126        /opt/my libs/libjemalloc.so.2 (deleted)
7f4000000000-7f4000100000 r-xp 00020000 08:01 127        /usr/lib/libmimalloc.so.2.1
7f5000000000-7f5000100000 r-xp 00020000 08:01 128        /usr/lib/libc_malloc_debug.so.0
7f6000000000-7f6000100000 r-xp 00020000 08:01 129        /lib/ld-musl-x86_64.so.1
7f7000000000-7f7000100000 r-xp 00020000 08:01 130        /lib/libc-2.31.so
"""


def install(root: Path, *paths: str, processor: bytes | None = None) -> None:
    """Put files that begin like this Python's own libraries."""
    header = bytearray(Path(sys.executable).read_bytes()[:64])
    if processor:
        header[18:20] = processor
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(header)


@pytest.fixture
def triplet() -> str:
    return f"usr/lib/{os.uname().machine}-linux-gnu"


def test_debians_and_ubuntus_folder_is_found(tmp_path: Path, triplet: str) -> None:
    install(tmp_path, f"{triplet}/libtcmalloc_minimal.so.4", f"{triplet}/libjemalloc.so.2")
    assert allocator.find("tcmalloc", tmp_path) == tmp_path / triplet / "libtcmalloc_minimal.so.4"
    assert allocator.find("jemalloc", tmp_path) == tmp_path / triplet / "libjemalloc.so.2"


def test_fedoras_folder_is_found(tmp_path: Path) -> None:
    install(tmp_path, "usr/lib64/libtcmalloc.so.4")
    assert allocator.find("tcmalloc", tmp_path) == tmp_path / "usr/lib64/libtcmalloc.so.4"


def test_the_build_without_profiler_goes_first(tmp_path: Path, triplet: str) -> None:
    install(tmp_path, "usr/lib64/libtcmalloc.so.4", f"{triplet}/libtcmalloc_minimal.so.4")
    assert allocator.find("tcmalloc", tmp_path) == tmp_path / triplet / "libtcmalloc_minimal.so.4"


def test_a_library_of_another_processor_is_passed_over(tmp_path: Path, triplet: str) -> None:
    install(tmp_path, "usr/lib/libtcmalloc.so.4", processor=b"\x03\x00")  # i386
    (tmp_path / triplet).mkdir()
    (tmp_path / triplet / "libtcmalloc.so.4").write_text("INPUT(-ltcmalloc)")  # a linker script
    assert allocator.find("tcmalloc", tmp_path) is None


def test_what_ldconfig_lists_is_found_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "far/away/libtcmalloc.so.4")
    ldconfig = tmp_path / "ldconfig"
    ldconfig.write_text(
        "#!/bin/sh\necho '2 libs found in cache'\n"
        "echo '	libz.so.1 (libc6,x86-64) => /lib/libz.so.1'\n"
        f"echo '	libtcmalloc.so.4 (libc6,x86-64) => {tmp_path}/far/away/libtcmalloc.so.4'\n"
    )
    ldconfig.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(allocator, "_FILE_NAMES", {"tcmalloc": ("libtcmalloc.so.4",)})
    found = list(allocator._candidates("tcmalloc", Path("/")))
    assert found[0] == tmp_path / "far/away/libtcmalloc.so.4"
    assert allocator.find("tcmalloc") == found[0]


def test_int8_takes_tcmalloc_and_the_others_malloc(tmp_path: Path) -> None:
    install(tmp_path, "usr/lib64/libtcmalloc.so.4")
    assert allocator.choose(None, "int8", tmp_path) == (
        Allocator("tcmalloc", str(tmp_path / "usr/lib64/libtcmalloc.so.4")),
        None,
    )
    assert allocator.choose(None, "fp32", tmp_path) == (Allocator("malloc"), None)
    assert allocator.choose("malloc", "int8", tmp_path) == (Allocator("malloc"), None)
    assert allocator.choose("tcmalloc", "fp32", tmp_path)[0].name == "tcmalloc"


def test_what_is_not_found_is_said_with_what_to_install(tmp_path: Path) -> None:
    chosen, line = allocator.choose(None, "int8", tmp_path)
    assert chosen == Allocator("malloc")
    assert line is not None
    assert "apt install libtcmalloc-minimal4" in line
    assert line.endswith("int8 runs with malloc.")
    with pytest.raises(UserError, match="dnf install jemalloc"):
        allocator.require("jemalloc", tmp_path)
    assert allocator.require("malloc", tmp_path) == Allocator("malloc")


def test_the_users_own_preloads_stay() -> None:
    wanted = Allocator("tcmalloc", "/lib/libtcmalloc.so.4")
    assert allocator.preload(wanted, {"A": "1"}) == {"A": "1", "LD_PRELOAD": "/lib/libtcmalloc.so.4"}
    assert allocator.preload(wanted, {"LD_PRELOAD": "/opt/hook.so /b.so"})["LD_PRELOAD"] == (
        "/lib/libtcmalloc.so.4:/opt/hook.so:/b.so"
    )


def test_another_allocator_of_the_users_gives_way() -> None:
    environment = {"LD_PRELOAD": "/x/libjemalloc.so.2:/opt/hook.so"}
    assert allocator.preload(Allocator("malloc"), environment) == {"LD_PRELOAD": "/opt/hook.so"}
    assert allocator.preload(Allocator("malloc"), {"LD_PRELOAD": "/x/libtcmalloc.so"}) == {}


def test_an_allocator_of_the_users_that_gives_way_is_said_with_the_way() -> None:
    environment = {"LD_PRELOAD": "/x/libjemalloc.so.2:/opt/hook.so"}
    malloc, jemalloc = Allocator("malloc"), Allocator("jemalloc", "/lib/libjemalloc.so.2")
    tcmalloc = Allocator("tcmalloc", "/lib/libtcmalloc.so.4")
    lines = list(allocator.displaced(environment, {"fp32": malloc, "int8": tcmalloc}))
    assert lines == [
        "LD_PRELOAD names /x/libjemalloc.so.2; without it: fp32, int8. To choose it: --allocator jemalloc."
    ]
    (line,) = allocator.displaced(environment, {"fp32": malloc, "int8": jemalloc})
    assert "without it: fp32. " in line
    assert list(allocator.displaced(environment, {"fp32": jemalloc})) == []
    assert list(allocator.displaced({}, {"fp32": malloc})) == []
    assert list(allocator.displaced({"LD_PRELOAD": "/opt/hook.so"}, {"fp32": malloc})) == []


@pytest.mark.parametrize(
    ("address", "ran"),
    [
        (0x7F1000020010, Allocator("tcmalloc", "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4.5.10")),
        (0x7F2000000000, Allocator("malloc", "/usr/lib/x86_64-linux-gnu/libc.so.6")),
        (0x7F30000FFFFF, Allocator("jemalloc", "/opt/my libs/libjemalloc.so.2 (deleted)")),
        (0x7F0000000001, Allocator("malloc", None)),
        (0x7F4000000000, Allocator("libmimalloc.so.2.1", "/usr/lib/libmimalloc.so.2.1")),
        (0x7F5000000000, Allocator("libc_malloc_debug.so.0", "/usr/lib/libc_malloc_debug.so.0")),
        (0x7F6000000000, Allocator("malloc", "/lib/ld-musl-x86_64.so.1")),
        (0x7F7000000000, Allocator("malloc", "/lib/libc-2.31.so")),
    ],
)
def test_the_allocator_that_ran_is_where_malloc_lies(address: int, ran: Allocator) -> None:
    assert allocator.allocator_that_ran(MAPS, [address], "/usr/bin/python3.11") == ran


def test_a_stub_in_the_executable_is_not_where_malloc_lies() -> None:
    stub, calloc = 0x55E4D0A00010, 0x7F1000020010
    ran = allocator.allocator_that_ran(MAPS, [stub, calloc, 0x7F2000000000], "/usr/bin/python3.11")
    assert ran.name == "tcmalloc"
    assert allocator.allocator_that_ran(MAPS, [stub], "/usr/bin/python3.11") == Allocator(
        "malloc", "/usr/bin/python3.11"
    )


def test_an_address_outside_every_mapping_is_no_allocator() -> None:
    with pytest.raises(ValueError, match="0x10"):
        allocator.allocator_that_ran(MAPS, [0x10], "")


def test_this_process_runs_on_what_its_own_map_says() -> None:
    ran = allocator.running_allocator()
    assert ran.path is not None
    assert Path(ran.path).is_file()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler to make a library that replaces malloc")
def test_a_preloaded_allocator_is_seen_to_run_and_a_merely_loaded_one_is_not(tmp_path: Path) -> None:
    source = tmp_path / "malloc.c"
    source.write_text(
        "extern void *__libc_malloc(unsigned long), *__libc_calloc(unsigned long, unsigned long);\n"
        "void *malloc(unsigned long n) { return __libc_malloc(n); }\n"
        "void *calloc(unsigned long n, unsigned long m) { return __libc_calloc(n, m); }\n"
    )
    library = tmp_path / "libtcmalloc_minimal.so.4"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    code = (
        "import ctypes, sys\n"
        "from ssd_core.machine.allocator import running_allocator\n"
        "loaded = [ctypes.CDLL(path) for path in sys.argv[1:]]\n"
        "name = running_allocator().name; print(name if name.isascii() else repr(name))"
    )

    other = tmp_path / os.fsdecode(
        b"libm\xeemalloc.so"
    )  # of a name that is no UTF-8, which the memory map has as it is
    shutil.copy(library, other)

    def ran(environment: dict[str, str], *loaded: str) -> str:
        command = [sys.executable, "-c", code, *loaded]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    plain = allocator.preload(Allocator("malloc"), os.environ)
    assert ran(allocator.preload(Allocator("tcmalloc", str(library)), os.environ)) == "tcmalloc"
    assert ran(plain, str(library)) == "malloc"
    assert ran(allocator.preload(Allocator("malloc"), os.environ | {"LD_PRELOAD": str(other)})) == repr(other.name)
