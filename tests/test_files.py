"""Files: read or refused in a sentence, whole or not there at all, and one writer at a time."""

import errno
import fcntl
import os
import pwd
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from ssd_core import files
from ssd_core.errors import UserError
from ssd_core.files import CACHE_VARIABLE, cache_folder, check_target, locked, replacing, sha256_of

LONG = "x" * 300  # longer than any file system's names


def raising(number: int) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


# Reading


@pytest.mark.parametrize(
    ("name", "reason"),
    [("absent", "No such file or directory"), ("folder", "Is a directory"), (LONG, "File name too long")],
)
def test_what_cannot_be_read_is_named_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=rf"{name} cannot be read \({reason}\): check the path"):
        sha256_of(tmp_path / name)


def test_whatever_cannot_be_looked_at_is_not_there(tmp_path: Path) -> None:
    for ask in (files.exists, files.is_file, files.is_folder):
        assert not ask(tmp_path / LONG)
        assert not ask(tmp_path / "absent")
    assert files.exists(tmp_path)
    assert files.is_folder(tmp_path)
    (tmp_path / "file").touch()
    assert files.is_file(tmp_path / "file")


def test_why_there_is_no_file_is_known(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = {name: files.absence(tmp_path / name) for name in ("file", "absent", "file/below", LONG, "")}
    assert list(found.values()) == [
        None,
        "No such file or directory",
        "Not a directory",
        "File name too long",
        "no regular file",
    ]


def test_a_failure_that_nobody_expected_names_the_file() -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file or directory", "/cache/graph.pb")
    assert str(files.unforeseen(error)).startswith("/cache/graph.pb cannot be used (No such file or directory): ")
    assert "No space left" in str(files.unforeseen(OSError(errno.ENOSPC, "No space left on device")))


# Writing


def test_a_file_system_without_modes_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "chmod", raising(errno.EPERM))  # as FAT and SMB mounts do
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "file").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, r"\(No space left on device\): free some space"),
        (errno.ENOENT, r"\(No such file or directory\): another program removed it, run the command again"),
    ],
)
def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, number: int, fix: str) -> None:
    (tmp_path / "file").write_text("old")

    def write() -> None:
        with replacing(tmp_path / "file") as temporary:
            temporary.write_text("half")
            raising(number)()

    with pytest.raises(UserError, match=f"file could not be written {fix}"):
        write()
    assert (tmp_path / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_temporary_file_that_somebody_removed_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another program removed it"), replacing(tmp_path / "file") as temporary:
        temporary.unlink()


def test_only_a_regular_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")  # and so no device is, such as /dev/null
    for name, what in (("folder", "a folder"), ("pipe", "no regular file")):
        with pytest.raises(UserError, match=f"{name} is {what}: give the name of a file"), replacing(tmp_path / name):
            pytest.fail("nothing may be made before this is said")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]


def test_where_a_file_can_be_written_is_known_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_target(tmp_path / "new" / "folders" / "file")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    check_target(tmp_path / "file")
    with pytest.raises(UserError, match=r"file cannot be written to \(Not a directory\)"):
        check_target(tmp_path / "file" / "below")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match=r"cannot be written to \(Permission denied\): choose another folder"):
        check_target(tmp_path / "new")


# Locks


def test_who_comes_second_is_told_and_may_give_up(tmp_path: Path) -> None:
    def taken() -> NoReturn:
        raise UserError("taken")

    with locked(tmp_path / "lock", taken):
        with pytest.raises(UserError, match="taken"), locked(tmp_path / "lock", taken):
            pytest.fail("two hold the lock")
        with locked(tmp_path / "other", taken):
            pass
    with locked(tmp_path / "lock", taken):
        pass


def test_who_comes_second_and_waits_goes_on_when_the_first_is_done(tmp_path: Path) -> None:
    held, told, order = threading.Event(), threading.Event(), []

    def first() -> None:
        with locked(tmp_path / "lock", lambda: None):
            held.set()
            told.wait()
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    held.wait()
    with locked(tmp_path / "lock", told.set):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_file_system_without_locks_is_worked_on_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", raising(errno.EOPNOTSUPP))
    entered = False
    with locked(tmp_path / "lock", lambda: pytest.fail("nobody has it")):
        entered = True
    assert entered


def test_a_lock_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with (
        pytest.raises(UserError, match=r"lock cannot be written to \(Is a directory\)"),
        locked(tmp_path / "lock", lambda: None),
    ):
        pytest.fail("it was opened")


# The cache folder


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without HOME and without an entry in /etc/passwd, as a container's `--user 54321` is."""

    def unknown(_: int) -> NoReturn:
        raise KeyError

    for name in (CACHE_VARIABLE, "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize("home", [None, ""])
def test_without_a_home_the_variable_is_asked_for(home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if home is not None:
        monkeypatch.setenv("HOME", home)
    with pytest.raises(UserError, match=r"no home folder .*: set SSD_VGG16_CACHE to the path"):
        cache_folder()


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"HOME": "/home/u"}, "/home/u/.cache/ssd-vgg16-bench"),
        ({"XDG_CACHE_HOME": "/var/cache"}, "/var/cache/ssd-vgg16-bench"),
        ({"HOME": "/home/u", "XDG_CACHE_HOME": ""}, "/home/u/.cache/ssd-vgg16-bench"),
        ({"HOME": "/home/u", "XDG_CACHE_HOME": "not/absolute"}, "/home/u/.cache/ssd-vgg16-bench"),
        ({"HOME": "/home/u", CACHE_VARIABLE: "/data"}, "/data"),
        ({CACHE_VARIABLE: "here"}, "here"),
    ],
)
def test_where_the_cache_is(variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder)


def test_an_empty_variable_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "")
    with pytest.raises(UserError, match="SSD_VGG16_CACHE is set and empty"):
        cache_folder()
