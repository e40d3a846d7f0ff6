import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ssd_core.output import compare_command
from tests.saved_runs import BenchmarkMaker, Saver

Command = Callable[..., int]


@pytest.fixture
def command() -> Command:
    parser = argparse.ArgumentParser()
    compare_command.add_parser(parser.add_subparsers())

    def run(*arguments: object) -> int:
        parsed = parser.parse_args(["compare", *map(str, arguments)])
        status: int = parsed.run(parsed)
        return status

    return run


def test_a_regression_is_printed_and_exits_1(
    command: Command, benchmark_of: BenchmarkMaker, save: Saver, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = save("a.json", [benchmark_of()]), save("b.json", [benchmark_of(seed=2, ms=22.0)])
    assert command(a, b) == 1
    out, err = capsys.readouterr()
    assert "throughput int8-batch1-intra2" in out
    assert "1 regression." in out
    assert err == ""
    assert command(a, b, "--limit", "0.2") == 0
    assert command(b, a) == 0


@pytest.mark.parametrize(
    ("name", "start"), [("text", "case "), ("markdown", "| case |"), ("csv", "case,"), ("json", "{")]
)
def test_formats(
    name: str,
    start: str,
    command: Command,
    benchmark_of: BenchmarkMaker,
    save: Saver,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(save("a.json", [benchmark_of()]), save("b.json", [benchmark_of(seed=2)]), "--format", name) == 0
    out = capsys.readouterr().out
    assert out.startswith(start)
    if name == "json":
        assert json.loads(out)["exit"] == 0


def test_unlike_machines(
    command: Command, benchmark_of: BenchmarkMaker, save: Saver, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = save("a.json", [benchmark_of()]), save("b.json", [benchmark_of(seed=2)], cores=8)
    assert command(a, b) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "cores (2 -> 8)" in err
    assert command("--cross-machine", a, b) == 0
    assert "Times of unlike machines are not compared" in capsys.readouterr().out


def test_conditions_that_may_differ(command: Command, benchmark_of: BenchmarkMaker, save: Saver) -> None:
    a, b = save("a.json", [benchmark_of()]), save("b.json", [benchmark_of(allocator="tcmalloc")], kernel="6.2")
    assert command(a, b) == 3
    assert command(a, b, "--ignore", "allocator") == 3
    assert command(a, b, "--ignore", "allocator", "--ignore", "kernel") == 0


def test_mistakes_are_one_sentence_and_their_status(
    command: Command,
    benchmark_of: BenchmarkMaker,
    save: Saver,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = save("a.json", [benchmark_of()])
    (tmp_path / "broken.json").write_text(good.read_text()[:500])
    (tmp_path / "text.json").write_text("hello")
    expected: dict[int, tuple[list[object], ...]] = {
        2: ([good], [good, tmp_path / "nowhere.json"], [good, good, "--limit", "-0.1"], [good, good, "--limit", "nan"]),
        4: (
            [good, tmp_path / "broken.json"],
            [tmp_path / "text.json", good],
            [good, save("newer.json", [benchmark_of(schema_version=9)])],
            [good, save("nan.json", [benchmark_of(samples_ns=[[float("nan")]])])],
        ),
        5: ([good, save("empty.json", [])], [good, save("other.json", [benchmark_of(batch_size=8)])]),
    }
    for status, requests in expected.items():
        for arguments in requests:
            assert command(*arguments) == status
            error = capsys.readouterr().err
            assert error.startswith("error: ")
            assert error.count("\n") == 1


def test_too_noisy_exits_4(command: Command, benchmark_of: BenchmarkMaker, save: Saver) -> None:
    few = save("b.json", [benchmark_of(samples_ns=[[20_000_000] * 5])])
    assert command(save("a.json", [benchmark_of()]), few) == 4


@pytest.mark.parametrize("arguments", [[], ["a.json", "--format", "xml"], ["a.json", "--limit", "much"]])
def test_argparse_exits_2(arguments: list[str], command: Command) -> None:
    with pytest.raises(SystemExit) as error:
        command(*arguments)
    assert error.value.code == 2


def test_figures_and_verdicts_need_no_tensorflow_and_no_pytest() -> None:
    program = """
import pkgutil, importlib, sys
for package in ("stats", "results", "verdicts", "output"):
    folder = importlib.import_module(f"ssd_core.{package}")
    names = [module.name for module in pkgutil.iter_modules(folder.__path__)]
    assert len(names) > 1, names
    for name in names:
        importlib.import_module(f"ssd_core.{package}.{name}")
unwanted = {"tensorflow", "pytest", "_pytest"} & set(sys.modules)
assert not unwanted, unwanted
"""
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)
