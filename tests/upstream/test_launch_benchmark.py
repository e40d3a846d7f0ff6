"""Upstream's command lines: the pytest commands they stand for, what is said, what is refused, and a real run."""

import importlib
import json
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ssd_core.errors import UserError
from ssd_core.upstream import launch_benchmark
from ssd_core.upstream.launch_benchmark import PROJECT

SEED_TIMED = """
    --model-name ssd_vgg16 --mode inference --precision int8 --framework tensorflow --docker-image tf:1.14
    --model-source-dir /home/u/SSD.TensorFlow --data-location /home/u/tf_records --in-graph /home/u/int8.pb
    --batch-size 1 --socket-id 0 --num-inter-threads 11 --num-intra-threads 21 --data-num-inter-threads 21
    --data-num-intra-threads 28 -- warmup-steps=100 steps=500
"""
SEED_ACCURACY = """
    --model-name ssd_vgg16 --mode inference --precision fp32 --framework tensorflow --docker-image tf:1.14
    --model-source-dir /home/u/SSD.TensorFlow --data-location /home/u/tf_records --in-graph=/home/u/fp32.pb
    --accuracy-only --batch-size 1
"""


@pytest.fixture(autouse=True)
def in_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)


def command(text: str) -> list[str]:
    line = launch_benchmark.command(launch_benchmark._parser().parse_args(shlex.split(text)))
    assert line[:3] == [sys.executable, "-m", "pytest"]
    return line[3:]


def notes(text: str) -> list[str]:
    return list(launch_benchmark.notes(launch_benchmark._parser().parse_args(shlex.split(text))))


def test_upstreams_throughput_and_latency() -> None:
    assert command(SEED_TIMED) == [
        "bench/test_throughput.py",
        "bench/test_latency.py",
        "--precision=int8",
        "--in-graph=int8=/home/u/int8.pb",
        "--batch-size=1",
        "--data-location=/home/u/tf_records",
        "--socket-id=0",
        "--num-inter-threads=11",
        "--num-intra-threads=21",
        "--data-num-inter-threads=21",
        "--data-num-intra-threads=28",
        "--warmup-steps=100",
        "--steps=500",
        "--docker-image=tf:1.14",
        "--upstream-lines",
    ]
    assert notes(SEED_TIMED) == ["--model-source-dir has no meaning any more: the network is part of this project."]


def test_upstreams_accuracy() -> None:
    assert command(SEED_ACCURACY) == [
        "bench/test_accuracy.py",
        "--precision=fp32",
        "--in-graph=fp32=/home/u/fp32.pb",
        "--batch-size=1",
        "--data-location=/home/u/tf_records",
        "--docker-image=tf:1.14",
        "--upstream-lines",
    ]


def test_every_option_that_is_passed_on_is_one_of_the_benchmarks() -> None:
    every = f"{SEED_TIMED.replace('--', '--verbose --num-cores 2 --output-dir out --disable-tcmalloc=True --', 1)}"
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "bench", "--help"], capture_output=True, text=True, check=True
    ).stdout
    options = [argument.partition("=")[0] for argument in command(every) if argument.startswith("-")]
    assert len(options) == 17
    assert [option for option in options if f"  {option}" not in listed and f", {option}" not in listed] == []


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("", "--batch-size=1"),
        ("--batch-size -1", "--batch-size=1"),
        ("--batch-size=8", "--batch-size=8"),
        ("-b 4", "--batch-size=4"),
        ("--verbose", "--verbose"),
        ("--num-cores 4", "--num-cores=4"),
        ("--in-graph=any.pb", f"--in-graph={PROJECT / 'any.pb'}"),
        ("--output-dir=logs", f"--output-dir={PROJECT / 'logs'}"),
        ("--disable-tcmalloc=True", "--disable-tcmalloc=True"),
        ("--precision fp32 --disable-tcmalloc=False", "--allocator=tcmalloc"),
        ("-- warmup_steps=7", "--warmup-steps=7"),
        ("-- --steps=9", "--steps=9"),
    ],
)
def test_each_flag_has_its_option(text: str, option: str) -> None:
    assert option in command(text)


@pytest.mark.parametrize("text", ["--socket-id -1", "--num-cores=-1", "--precision int8 --disable-tcmalloc=False"])
def test_the_upstream_words_for_its_defaults_add_nothing(text: str) -> None:
    assert [argument for argument in command(text) if "precision" not in argument] == command("")


def test_which_questions_are_asked() -> None:
    timed, accuracy = ["bench/test_throughput.py", "bench/test_latency.py"], ["bench/test_accuracy.py"]
    assert command("")[:3] == [*timed, "--batch-size=1"]
    assert command("--benchmark-only")[:3] == [*timed, "--batch-size=1"]
    assert command("--accuracy-only")[:2] == [*accuracy, "--batch-size=1"]
    assert command("--accuracy-only --benchmark-only")[:3] == timed + accuracy


def test_open_step_counts_are_said() -> None:
    assert notes("--accuracy-only") == []
    assert notes("-- warmup-steps=1 steps=2") == []
    (line,) = notes("-- steps=2")
    assert line.startswith("warmup-steps not given: a case runs until it is steady")


def test_from_another_folder_pytest_is_told_where_the_project_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = command("--in-graph a.pb --data-location=data")
    assert line[:4] == ["-c", str(PROJECT / "pytest.ini"), "--rootdir", str(PROJECT)]
    assert line[4] == str(PROJECT / "bench/test_throughput.py")
    assert f"--in-graph={tmp_path}/a.pb" in line
    assert f"--data-location={tmp_path}/data" in line


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("--mode training", "--mode training cannot be run: inference is the only mode here"),
        ("--model-name resnet50", "--model-name resnet50 cannot be run: ssd_vgg16 is the only model here"),
        ("--framework pytorch", "--framework pytorch cannot be run: tensorflow is the only framework here"),
        ("--batch-size 0", "--batch-size 0 is no batch size"),
        ("--batch-size -2", "--batch-size -2 is no batch size"),
        ("--checkpoint ckpt/model", "export-graph --checkpoint ckpt/model"),
        ("-- speed=3", "Model argument speed=3 is not known"),
        ("-- steps", "Model argument steps is not known"),
        ("-- steps=", "Model argument steps= is not known"),
        ("-- ''", "-- is given an empty value"),
        ("--in-graph=~nobody-of-this-name/a.pb", "The home folder in ~nobody-of-this-name/a.pb is not known"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    text: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch_benchmark.main(shlex.split(text)) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [option for action in launch_benchmark._parser()._actions if action.nargs != 0 for option in action.option_strings],
)
def test_an_unset_variable_of_the_shell_is_no_value(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([option, ""], [f"{option}="]):
        assert launch_benchmark.main(["--batch-size", "1", *words]) == 2
        assert capsys.readouterr().err.startswith(f"error: {option} is given an empty value")


@pytest.mark.parametrize("text", ["--nonsense", "--batch", "--disable-tcmalloc", "--socket-id one"])
def test_flags_that_the_seed_had_not_are_refused(text: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        launch_benchmark.main(shlex.split(text))


def test_without_bench_beside_the_package_it_says_how_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_benchmark, "PROJECT", tmp_path)
    with pytest.raises(UserError, match="--editable"):
        command("")


def test_the_console_script_is_the_function() -> None:
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, name = scripts["launch_benchmark"].partition(":")
    assert getattr(importlib.import_module(module), name) is launch_benchmark.main


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another folder, to launch from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    return tmp_path


def run(text: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "ssd_core.upstream.launch_benchmark", *shlex.split(text)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_it_runs_from_any_folder_and_ends_as_pytest_does(launch: Path, small_graphs: dict[str, Path]) -> None:
    (launch / "my graph.pb").symlink_to(small_graphs["int8"])
    done = run("--precision int8 --in-graph 'my graph.pb' --num-intra-threads 1 -- warmup-steps=1 steps=3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"'--in-graph=int8={launch}/my graph.pb'" in done.stdout
    assert "2 passed" in done.stdout
    (saved,) = (launch / "output").glob("benchmark_2*.json")
    cases = [entry["extra_info"] for entry in json.loads(saved.read_text())["benchmarks"]]
    assert [(case["kind"], case["steps"]) for case in cases] == [("throughput", 3), ("latency", 3)]


def test_its_status_is_pytests(launch: Path) -> None:
    done = run("--precision int8 --in-graph nowhere.pb")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "No such graph" in done.stderr
