import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ssd_core.errors import UserError
from ssd_core.machine import container
from ssd_core.machine.container import Container, Engine, Mount

ME = f"{os.getuid()}:{os.getgid()}"
PODMAN = Engine("podman", "/usr/bin/podman", rootless=False)


def fake(folder: Path, name: str, body: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


def of(path: Path) -> Container:
    return Container(Engine("podman", str(path / "podman"), rootless=False), "image")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_podman_goes_first_and_docker_where_it_does_not_work(path: Path) -> None:
    fake(path, "docker", "echo '[name=seccomp,profile=builtin]'")
    assert container.find_engine() == Engine("docker", str(path / "docker"), rootless=False)
    fake(path, "podman", "echo true")
    assert container.find_engine() == Engine("podman", str(path / "podman"), rootless=True)
    assert container.find_engine("docker").name == "docker"
    fake(path, "podman", "exit 1")
    assert container.find_engine().name == "docker"


@pytest.mark.parametrize(
    ("name", "answer", "rootless"),
    [
        ("podman", "false", False),
        ("podman", "true", True),
        ("docker", "[name=seccomp,profile=builtin name=rootless]", True),
        ("docker", "[]", False),
    ],
)
def test_an_engine_tells_whether_it_has_privileges(
    path: Path, name: container.EngineName, answer: str, rootless: bool
) -> None:
    fake(path, name, f"echo '{answer}'")
    assert container.find_engine().rootless is rootless


def test_no_engine_is_one_sentence_with_what_each_said(path: Path) -> None:
    fake(path, "docker", "echo Cannot connect to the Docker daemon. >&2; exit 1")
    with pytest.raises(UserError, match=r"podman is not installed; docker: Cannot connect.*install podman"):
        container.find_engine()
    with pytest.raises(UserError, match=r"\(podman is not installed\)"):
        container.find_engine("podman")


@pytest.mark.parametrize(
    ("engine", "user"),
    [
        (Engine("docker", "docker", rootless=False), ["--user", ME]),
        (Engine("docker", "docker", rootless=True), ["--user", "0:0"]),
        (Engine("podman", "podman", rootless=False), ["--user", ME]),
        (Engine("podman", "podman", rootless=True), ["--userns", "keep-id", "--user", ME]),
    ],
)
def test_files_will_be_the_users(engine: Engine, user: list[str]) -> None:
    line = Container(engine, "image").command_line(["pytest"], terminal=False)
    start = line.index(user[0])
    assert line[start : start + len(user)] == user


def line_of(*command: str, terminal: bool = False, **settings: Any) -> list[str]:
    return Container(PODMAN, "repo/image:1", **settings).command_line(command, terminal)


def test_the_command_comes_last_and_as_it_is(tmp_path: Path) -> None:
    command = ["python", "-m", "pytest", "bench", "-k", "int8 and not slow"]
    line = line_of(*command, mounts=(Mount(tmp_path),), environment={"SSD_VGG16_CACHE": "/c"}, arguments=("--cpus=2",))
    assert line[:3] == ["/usr/bin/podman", "run", "--rm"]
    assert line[-8:] == ["--cpus=2", "repo/image:1", *command]
    assert "SSD_VGG16_CACHE=/c" in line


def test_what_is_asked_for_is_allowed_and_nothing_else(tmp_path: Path) -> None:
    plain = line_of("x")
    assert [plain[plain.index("--network") + 1], "SYS_NICE" in plain, "--tty" in plain] == ["none", False, False]
    assert "--workdir" not in plain
    asked = line_of("x", terminal=True, bind_memory=True, folder=tmp_path)
    assert asked[asked.index("--cap-add") + 1] == "SYS_NICE"
    assert asked[asked.index("--workdir") + 1] == str(tmp_path)
    assert "--tty" in asked


@pytest.mark.parametrize("own", [("--network", "host"), ("--network=host",), ("--net=host",)])
def test_the_users_network_is_the_only_one(own: tuple[str, ...]) -> None:
    assert "none" not in line_of("x", arguments=own)


def mounts(line: list[str]) -> list[str]:
    return [value for option, value in itertools.pairwise(line) if option == "--mount"]


def test_mounts_have_the_same_path_inside_and_are_read_only_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "with, comma").mkdir()
    (tmp_path / "out").mkdir()
    line = line_of("x", mounts=(Mount(tmp_path / "with, comma"), Mount(tmp_path / "out", writable=True)))
    assert mounts(line) == [
        f"type=bind,source={tmp_path}/out,target={tmp_path}/out",
        f'type=bind,"source={tmp_path}/with, comma","target={tmp_path}/with, comma",readonly',
    ]


def test_a_path_is_mounted_once_and_writable_if_any_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = line_of("x", mounts=(Mount(tmp_path), Mount(Path(), writable=True)))
    assert mounts(line) == [f"type=bind,source={tmp_path},target={tmp_path}"]


def test_a_mount_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.pb is not there to be mounted"):
        line_of("x", mounts=(Mount(tmp_path / "none.pb"),))


@pytest.mark.parametrize("status", [0, 1, 5, 137])
def test_the_exit_status_is_the_commands(path: Path, status: int) -> None:
    fake(path, "podman", f"exit {status}")
    assert of(path).run(["x"]) == status


@pytest.mark.parametrize(
    ("status", "words"),
    [(125, "could not run image"), (126, "could not start pytest"), (127, "found no pytest in image")],
)
def test_an_engine_that_cannot_begin_is_an_error(path: Path, status: int, words: str) -> None:
    fake(path, "podman", f"exit {status}")
    with pytest.raises(UserError, match=words):
        of(path).run(["pytest"])


def test_an_image_that_is_here_is_not_fetched(path: Path) -> None:
    fake(path, "podman", f'echo "$@" >> {path}/asked')
    of(path).require_image()
    assert (path / "asked").read_text() == "image inspect image\n"


def test_an_image_that_is_not_here_is_fetched(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake(path, "podman", '[ "$1" = pull ] && echo "pulling $2"')
    of(path).require_image()
    assert capfd.readouterr().out == "image is not on this machine: podman fetches it.\npulling image\n"


def test_an_image_that_cannot_be_fetched_is_one_sentence_with_the_way_to_build_one(path: Path) -> None:
    fake(path, "podman", "exit 125")
    with pytest.raises(UserError, match=r"could not fetch it: build one with `podman build .*Containerfile"):
        of(path).require_image()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("echo '[[3, 7], []]'", r"lacks Python 3\.11 \(its python3 is 3\.7\): build one"),
        ('echo \'[[3, 12], ["scipy", "PIL"]]\'', "lacks scipy, PIL: build one"),
        ("exit 127", r"lacks Python 3\.11 \(no python3 runs in it\)"),
        ("echo nothing of the kind", r"lacks Python 3\.11 \(no python3 runs in it\)"),
        ("echo cgroups >&2; echo no permission >&2; exit 126", r"podman could not run image \(no permission\)"),
        ("exit 125", r"could not run image \(it does not say why\)"),
    ],
)
def test_an_image_that_cannot_run_the_benchmark_is_one_sentence(path: Path, body: str, sentence: str) -> None:
    fake(path, "podman", body)
    with pytest.raises(UserError, match=sentence):
        of(path).require_modules()


def test_the_probe_is_true_of_this_python(path: Path) -> None:
    fake(path, "podman", f'while [ "$1" != image ]; do shift; done; shift 2; exec {sys.executable} "$@"')
    of(path).require_modules()
    probe = [sys.executable, "-c", container._PROBE, "json", "no_such_module"]
    answer = subprocess.run(probe, capture_output=True, text=True, check=True).stdout
    assert json.loads(answer) == [list(sys.version_info[:2]), ["no_such_module"]]


def test_the_image_needs_what_the_project_depends_on() -> None:
    project = tomllib.loads((Path(container.__file__).parents[2] / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w.-]", requirement)[0] for requirement in project["dependencies"]}
    modules = {"tensorflow-cpu": "tensorflow", "pillow": "PIL", "pytest-benchmark": "pytest_benchmark"}
    assert {modules.get(name, name) for name in names} == set(container.MODULES)
    assert project["requires-python"].split(",")[0] == f">={'.'.join(map(str, container.PYTHON))}"


def test_ctrl_c_waits_for_what_the_command_makes_of_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wait, waits = subprocess.Popen.wait, []

    def interrupted(process: "subprocess.Popen[bytes]") -> int:
        waits.append(process)
        if len(waits) < 3:
            os.kill(os.getpid(), signal.SIGINT)
        return wait(process)

    fake(path, "podman", "exit 2")
    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    assert of(path).run(["x"]) == 2
    assert len(waits) == 3


@pytest.fixture(scope="module")
def real() -> Iterator[tuple[Engine, str]]:
    """An engine that runs, and an image with nothing but this machine's shell in it."""
    try:
        engine = container.find_engine()
    except UserError as error:
        pytest.skip(str(error))
    image = "localhost/ssd-vgg16-bench-test:shell"

    def ask(*arguments: str, **options: Any) -> str:
        """What is wrong with an engine's command, or nothing."""
        done = subprocess.run([engine.program, *arguments], capture_output=True, check=False, **options)
        return done.stderr.decode() if done.returncode else ""

    complaint = ask("import", "-", image, input=_shell_image()) or ask("run", "--rm", image, "/bin/sh", "-c", "exit 0")
    if complaint:
        ask("rmi", "--force", image)
        pytest.skip(f"{engine.name} runs no container here: {complaint}")
    yield engine, image
    ask("rmi", "--force", image)


def _shell_image() -> bytes:
    """A tar file of /bin/sh and the libraries that it is linked with."""
    shell = Path("/bin/sh").resolve()
    listed = subprocess.run(["ldd", str(shell)], capture_output=True, text=True, check=False).stdout.split()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", dereference=True) as archive:
        archive.add(shell, "bin/sh")
        for library in sorted({word for word in listed if word.startswith("/")}):
            archive.add(library, library.lstrip("/"))
    return stream.getvalue()


def test_a_real_engine_reads_writes_and_ends_as_outside(real: tuple[Engine, str], tmp_path: Path) -> None:
    engine, image = real
    (tmp_path / "data").mkdir()
    (tmp_path / "data/graph, fp32.pb").write_text("a graph")
    (tmp_path / "out").mkdir()
    script = (
        'read line < "$1/data/graph, fp32.pb"; echo "$line of $OWNER" > "$1/out/result"; echo x > "$1/data/new"; exit 3'
    )
    mounts = (Mount(tmp_path / "data"), Mount(tmp_path / "out", writable=True))
    status = Container(engine, image, mounts, {"OWNER": "mine"}).run(["/bin/sh", "-c", script, "sh", str(tmp_path)])
    assert status == 3
    result = tmp_path / "out/result"
    assert result.read_text() == "a graph of mine\n"
    assert (result.stat().st_uid, result.stat().st_gid) == (os.getuid(), os.getgid())
    assert not (tmp_path / "data/new").exists()


def test_a_real_engine_says_which_program_is_missing(real: tuple[Engine, str]) -> None:
    engine, image = real
    with pytest.raises(UserError, match="found no pytest"):
        Container(engine, image).run(["pytest"])
