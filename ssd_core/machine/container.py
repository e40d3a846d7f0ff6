"""Running a command inside a container as if it ran outside: same paths, same user, same exit status."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from ssd_core.errors import UserError

EngineName = Literal["podman", "docker"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)

# One command asks the engine whether it works and whether its containers' root is the user.
_ROOTLESS_QUESTION = {"podman": "{{.Host.Security.Rootless}}", "docker": "{{.SecurityOptions}}"}
_ROOTLESS_ANSWER = {"podman": "true", "docker": "name=rootless"}
_PROBE_SECONDS = 30
# docker-run(1) and podman-run(1), "Exit status": the command inside gives all others.
_ENGINE_FAILED, _NOT_STARTED, _NOT_FOUND = 125, 126, 127
_REFUSALS = {
    _ENGINE_FAILED: "could not run {image}: see its message above",
    _NOT_STARTED: "could not start {program} in {image}: see its message above",
    _NOT_FOUND: "found no {program} in {image}: {fix}",
}

# What an inference run imports, and the oldest Python that reads it; pyproject.toml says the same.
MODULES = ("tensorflow", "numpy", "scipy", "PIL", "pycocotools", "tqdm", "msgspec", "pytest", "pytest_benchmark")
PYTHON = (3, 11)
# It must run in the Python of any image, however old.
_PROBE = """
import json, sys
try:
    from importlib.util import find_spec
except ImportError:
    find_spec = bool
print(json.dumps([list(sys.version_info[:2]), [name for name in sys.argv[1:] if not find_spec(name)]]))
"""


@dataclass(frozen=True)
class Engine:
    """A container engine that answers; `rootless` where it runs without privileges, as the user."""

    name: EngineName
    program: str
    rootless: bool


@dataclass(frozen=True)
class Mount:
    """A file or folder that the container sees at its own absolute path."""

    path: Path
    writable: bool = False


def find_engine(name: EngineName | None = None) -> Engine:
    """The engine `name`, or the first that works here; UserError with what each one said where none does."""
    complaints = []
    for candidate in (name,) if name else ENGINES:
        program = shutil.which(candidate)
        if program is None:
            complaints.append(f"{candidate} is not installed")
            continue
        question = [program, "info", "--format", _ROOTLESS_QUESTION[candidate]]
        try:
            answer = subprocess.run(question, check=False, capture_output=True, text=True, timeout=_PROBE_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            complaints.append(f"{candidate}: {error}")
            continue
        if answer.returncode == 0:
            return Engine(candidate, program, _ROOTLESS_ANSWER[candidate] in answer.stdout)
        complaints.append(f"{candidate}: {' '.join(answer.stderr.split()) or f'status {answer.returncode}'}")
    raise UserError(
        f"No container engine works here ({'; '.join(complaints)}): install podman (apt install podman,"
        " dnf install podman), start the Docker service, or leave --docker-image out."
    )


@dataclass(frozen=True)
class Container:
    """A container of `image`: what it sees of this machine. It always runs as the user.

    `folder` is where a command begins. `bind_memory` lets it bind memory to a node, which engines forbid otherwise.
    `arguments` are extra ones from the user for the engine's `run`.
    """

    engine: Engine
    image: str
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    bind_memory: bool = False
    arguments: tuple[str, ...] = ()

    def require_image(self) -> None:
        """Let the engine fetch a missing image, with its own progress output; UserError where it cannot."""
        inspect = [self.engine.program, "image", "inspect", self.image]
        if subprocess.run(inspect, check=False, capture_output=True).returncode == 0:
            return
        print(f"{self.image} is not on this machine: {self.engine.name} fetches it.", flush=True)
        if subprocess.run([self.engine.program, "pull", self.image], check=False).returncode != 0:
            raise UserError(
                f"{self.image} is not on this machine, and {self.engine.name} could not fetch it: {self._fix()}."
            )

    def require_modules(self) -> None:
        """UserError where the image's `python3` is too old or lacks something that the benchmark imports.

        This also shows whether the engine runs the image at all.
        """
        line = self.command_line(["python3", "-c", _PROBE, *MODULES], terminal=False)
        answer = subprocess.run(line, check=False, capture_output=True, text=True)
        if answer.returncode in (_ENGINE_FAILED, _NOT_STARTED):
            said = (answer.stderr.strip().splitlines() or ["it does not say why"])[-1]
            raise UserError(f"{self.engine.name} could not run {self.image} ({said}): fix that, or run outside.")
        try:
            version, missing = json.loads(answer.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError):
            version, missing = [], []
        if tuple(version) < PYTHON:
            actual = f"its python3 is {'.'.join(map(str, version))}" if version else "no python3 runs in it"
            raise UserError(f"{self.image} lacks Python {'.'.join(map(str, PYTHON))} ({actual}): {self._fix()}.")
        if missing:
            raise UserError(f"{self.image} lacks {', '.join(missing)}: {self._fix()}.")

    def run(self, command: Sequence[str]) -> int:
        """Run `command` and return its exit status; UserError where it could not start."""
        process = subprocess.Popen(self.command_line(command, sys.stdin.isatty() and sys.stdout.isatty()))
        while True:
            try:
                status = process.wait()
                break
            except KeyboardInterrupt:
                # The engine gets the signal too and passes it on: wait until the command ends.
                continue
        if status in _REFUSALS:
            reason = _REFUSALS[status].format(image=self.image, program=command[0], fix=self._fix())
            raise UserError(f"{self.engine.name} {reason}.")
        return status

    def command_line(self, command: Sequence[str], terminal: bool) -> list[str]:
        """The engine's command line that runs `command`; UserError for a mount that is not there."""
        line = [self.engine.program, "run", "--rm", "--security-opt", "label=disable", *_user(self.engine)]
        # A run needs no network. Where the user wants one, the engine would refuse `none` beside it.
        if not any(argument.startswith("--net") for argument in self.arguments):
            line += ["--network", "none"]
        if self.bind_memory:
            line += ["--cap-add", "SYS_NICE"]
        if self.folder is not None:
            line += ["--workdir", str(self.folder)]
        if terminal:
            line += ["--interactive", "--tty"]
        # The user has no home in the image.
        for key, value in {"HOME": "/tmp", **self.environment}.items():
            line += ["--env", f"{key}={value}"]
        for mount in _distinct(self.mounts):
            line += ["--mount", _mount(mount)]
        return [*line, *self.arguments, self.image, *command]

    def _fix(self) -> str:
        return f"build one with `{self.engine.name} build --tag ssd-vgg16-bench --file Containerfile .`, and give that"


def _user(engine: Engine) -> list[str]:
    """The options that make this user the owner of the files that the container writes."""
    me = f"{os.getuid()}:{os.getgid()}"
    if engine.rootless and engine.name == "podman":
        return ["--userns", "keep-id", "--user", me]
    # Rootless Docker maps the container's root, and it alone, to the user.
    return ["--user", "0:0"] if engine.rootless else ["--user", me]


def _distinct(mounts: Sequence[Mount]) -> list[Mount]:
    """One mount a path, writable where any asked for it, folders before what lies in them."""
    writable: dict[Path, bool] = {}
    for mount in mounts:
        path = mount.path.absolute()
        if not path.exists():
            raise UserError(f"{path} is not there to be mounted in the container: give an existing path.")
        writable[path] = writable.get(path, False) or mount.writable
    return [Mount(path, writable[path]) for path in sorted(writable)]


def _mount(mount: Mount) -> str:
    """The value of --mount, a line of CSV: quoted so that a comma in a path does no harm."""
    fields = ["type=bind", f"source={mount.path}", f"target={mount.path}"]
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields if mount.writable else [*fields, "readonly"])
    return line.getvalue()
