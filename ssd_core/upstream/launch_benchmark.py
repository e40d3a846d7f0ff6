"""Runs upstream's command lines unchanged: each is translated into a `pytest bench` command.

    launch_benchmark --model-name ssd_vgg16 --mode inference --precision int8 --framework tensorflow \\
        --data-location tf_records --in-graph int8.pb --batch-size 1 --socket-id 0 -- warmup-steps=100 steps=500
"""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import ssd_core
from ssd_core import console
from ssd_core.errors import UserError
from ssd_core.precisions import PRECISIONS

PROJECT = Path(ssd_core.__file__).absolute().parents[1]
TIMED = ("bench/test_throughput.py", "bench/test_latency.py")
ACCURACY = ("bench/test_accuracy.py",)

_NOT_GIVEN = -1  # upstream's value for a number that is not given
# flag, its short form, its meaning in upstream
_PATHS = (
    ("--data-location", "-d", "the folder of the TFRecords; without it, dummy data"),
    ("--output-dir", None, "the folder for logs and results"),
)
_NUMBERS = (
    ("--socket-id", "-i", "the socket to run on"),
    ("--num-cores", "-n", "how many cores to use"),
    ("--num-inter-threads", "-e", "operations in parallel"),
    ("--num-intra-threads", "-a", "threads within an operation"),
    ("--data-num-inter-threads", None, "images prepared in parallel"),
    ("--data-num-intra-threads", None, "threads within a data operation"),
)
_ONLY_VALUES = (  # flag, short form, the accepted values (the first one is shown), what it is
    ("--model-name", "-m", ("ssd_vgg16", "ssd-vgg16"), "model"),
    ("--mode", "-mo", ("inference",), "mode"),
    ("--framework", "-f", ("tensorflow",), "framework"),
)
_NO_MEANING = (
    ("--model-source-dir", "-r", "the network is part of this project"),
    ("--noinstall", None, "a run installs nothing"),
    ("--tcmalloc-large-alloc-report-threshold", None, "the environment variable of that name reaches the workers"),
)
_MODEL_ARGUMENTS = {"warmup_steps": "--warmup-steps", "steps": "--steps"}
_UPSTREAM_STEPS = "upstream ran 10 steps to warm up and 50 more"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the notes and the command, and replace this process by it; a refused flag gives a sentence and status 2."""
    words = sys.argv[1:] if arguments is None else arguments
    return console.run(words, lambda: _launch(_parser().parse_args(words)))


def _launch(given: argparse.Namespace) -> NoReturn:
    line = command(given)
    for note in notes(given):
        print(f"note: {note}")
    print(f"+ {shlex.join(line)}", flush=True)
    _become(line)


def _become(line: list[str]) -> NoReturn:
    """Replace this process with the command; exit status, signals and terminal are then the command's."""
    os.execv(line[0], line)


def command(given: argparse.Namespace) -> list[str]:
    """The pytest command for one of upstream's command lines; UserError for a flag that cannot be translated."""
    _check(given)
    precision = given.precision
    options = [f"--precision={precision}"] if precision else []
    if given.in_graph:
        options.append(f"--in-graph={f'{precision}=' if precision else ''}{_absolute(given.in_graph)}")
    options.append(f"--batch-size={1 if given.batch_size == _NOT_GIVEN else given.batch_size}")
    for flag, *_ in _PATHS:
        if (path := _value(given, flag)) is not None:
            options.append(f"{flag}={_absolute(path)}")
    for flag, *_ in _NUMBERS:
        if (number := _value(given, flag)) != _NOT_GIVEN:
            options.append(f"{flag}={number}")
    options += [f"{flag}={value}" for flag, value in _steps(given.model_args).items()]
    options += _allocator(given.disable_tcmalloc, precision)
    if given.docker_image:
        options.append(f"--docker-image={given.docker_image}")
    options.append("--upstream-lines")
    if given.verbose:
        options.append("--verbose")
    return [sys.executable, "-m", "pytest", *_tests(given), *options]


def notes(given: argparse.Namespace) -> Iterator[str]:
    """The differences from upstream, one line each."""
    for flag, _, why in _NO_MEANING:
        if _value(given, flag) is not None:
            yield f"{flag} has no meaning any more: {why}."
    if not _timed(given):
        return
    open_counts = [name for name, flag in _MODEL_ARGUMENTS.items() if flag not in _steps(given.model_args)]
    if open_counts:
        names = " and ".join(name.replace("_", "-") for name in open_counts)
        yield f"{names} not given: a case runs until it is steady and its median is known ({_UPSTREAM_STEPS})."


def _timed(given: argparse.Namespace) -> bool:
    """Whether throughput and latency are run: as in upstream, unless only accuracy is asked for."""
    return bool(given.benchmark_only or not given.accuracy_only)


def _tests(given: argparse.Namespace) -> list[str]:
    """The files of bench/; from another folder also the options that name pytest's configuration."""
    if not (PROJECT / "bench").is_dir():
        raise UserError(
            f"{PROJECT} has no folder bench: install the project from its clone (pip install --editable .)."
        )
    files = [*(TIMED if _timed(given) else ()), *(ACCURACY if given.accuracy_only else ())]
    if Path.cwd() == PROJECT:
        return files
    return ["-c", str(PROJECT / "pytest.ini"), "--rootdir", str(PROJECT), *(str(PROJECT / name) for name in files)]


def _check(given: argparse.Namespace) -> None:
    for flag, _, values, what in _ONLY_VALUES:
        value = _value(given, flag)
        if value not in (None, *values):
            raise UserError(f"{flag} {value} cannot be run: {values[0]} is the only {what} here.")
    if given.checkpoint is not None:
        raise UserError(
            "--checkpoint is not run as it is: make a frozen graph of it for --in-graph, with"
            f" `python -m ssd_core export-graph --checkpoint {given.checkpoint} --output fp32.pb`."
        )
    if given.batch_size == 0 or given.batch_size < _NOT_GIVEN:
        raise UserError(
            f"--batch-size {given.batch_size} is no batch size: give 1 or more, or -1 for the default of 1."
        )


def _steps(model_arguments: Sequence[str]) -> dict[str, str]:
    """The `key=value` arguments after `--`, with dashes or underscores, as pytest's options."""
    options = {}
    for argument in model_arguments:
        name, separator, value = argument.partition("=")
        flag = _MODEL_ARGUMENTS.get(name.lstrip("-").replace("-", "_"))
        if flag is None or not separator or not value:
            raise UserError(f"Model argument {argument} is not known: give warmup-steps=N, steps=N or both behind --.")
        options[flag] = value
    return options


def _allocator(disable_tcmalloc: str | None, precision: str | None) -> list[str]:
    """Upstream preloaded TCMalloc unless told not to; by default only for int8, as here."""
    if disable_tcmalloc == "True":
        return ["--disable-tcmalloc=True"]
    by_default = precision in PRECISIONS and PRECISIONS[precision].allocator == "tcmalloc"
    return ["--allocator=tcmalloc"] if disable_tcmalloc == "False" and not by_default else []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="launch_benchmark",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--precision", "-p", help="fp32 or int8")
    parser.add_argument("--in-graph", "-g", metavar="FILE", help="the frozen graph; without it, the demo model")
    parser.add_argument("--batch-size", "-b", type=int, default=_NOT_GIVEN, metavar="N", help="images a step (1)")
    parser.add_argument("--accuracy-only", action="store_true", help="the 12 COCO numbers")
    parser.add_argument("--benchmark-only", "-k", action="store_true", help="throughput and latency (the default)")
    for flag, short, says in _PATHS:
        parser.add_argument(*_names(flag, short), metavar="DIR", help=says)
    for flag, short, says in _NUMBERS:
        parser.add_argument(*_names(flag, short), type=int, default=_NOT_GIVEN, metavar="N", help=says)
    parser.add_argument("--disable-tcmalloc", choices=("True", "False"), help="False for int8, True otherwise")
    parser.add_argument("--docker-image", metavar="IMAGE", help="run in a container of this image")
    parser.add_argument("--verbose", "-v", action="store_true", help="more output")
    for flag, short, values, what in _ONLY_VALUES:
        parser.add_argument(*_names(flag, short), metavar=what.upper(), help=f"{values[0]}, the only one here")
    for flag, short, why in _NO_MEANING:
        parser.add_argument(*_names(flag, short), nargs="?", const="", help=f"has no meaning any more: {why}")
    parser.add_argument("--checkpoint", "-c", metavar="PREFIX", help="refused, with the way to a frozen graph")
    parser.add_argument("model_args", nargs="*", metavar="warmup-steps=N steps=N", help="behind --")
    return parser


def _names(flag: str, short: str | None) -> list[str]:
    return [flag] if short is None else [flag, short]


def _value(given: argparse.Namespace, flag: str) -> str | int | None:
    value: str | int | None = getattr(given, flag.lstrip("-").replace("-", "_"))
    return value


def _absolute(path: str | int | None) -> Path:
    try:
        return Path(str(path)).expanduser().absolute()
    except RuntimeError:
        raise UserError(f"The home folder in {path} is not known: give the whole path.") from None


if __name__ == "__main__":
    sys.exit(main())
