"""Fleets of two kinds of machines, which are nodes of this one, with a stand-in for TensorFlow's worker."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ssd_core.machine.cpu_time import time_of_processes
from tests.scale.nodes import LONGEST_S, Nodes, cluster, start, until
from tests.stand_in import VARIABLE

pytest.importorskip("ray", reason="tox -e ray-tests has Ray")
pytest.importorskip("altair", reason="tox -e ray-tests has the packages of the report")

CASES = 2  # latency of fp32 and of int8


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch, cluster() as made:
        patch.setenv(VARIABLE, json.dumps({}))
        made.add(labels={"kind": "wide"})
        made.add(labels={"kind": "narrow"}, env_vars={"ONEDNN_MAX_CPU_ISA": "AVX2"})
        yield made


def fleet(nodes: Nodes, out: Path, *more: str) -> Any:
    plugins = ("-p", "tests.stand_in", "--num-intra-threads", "1")
    cases = ("-k", "latency", "--steps", "40", "--warmup-steps", "1")
    return start("-m", "ssd_core", "fleet", "--ray", nodes.address, "--output", out, *more, "--", *plugins, *cases)


def ended(process: Any) -> tuple[int, str]:
    output, _ = process.communicate(timeout=LONGEST_S)
    return process.returncode, output


def run_of(out: Path, kind: str) -> Any:
    return json.loads((out / f"{kind}.json").read_text())


def test_each_kind_is_measured_once_and_no_two_cases_at_once(nodes: Nodes, tmp_path: Path) -> None:
    out = tmp_path / "fleet"
    status, output = ended(fleet(nodes, out, "--price", "wide=0.5"))
    assert status == 0, output
    runs = {kind: run_of(out, kind) for kind in ("wide", "narrow")}
    assert re.search(r"^latency int8-batch1 .*int8/fp32 speed-up", output, re.MULTILINE), output
    times = sorted((case["began"], case["ended"]) for run in runs.values() for case in run["fleet"])
    assert len(times) == 2 * CASES
    assert all(one[1] <= other[0] for one, other in pairwise(times))
    for run in runs.values():
        assert run["machine_info"]["identity"]["cpu_model"]
        assert [benchmark["extra_info"]["kind"] for benchmark in run["benchmarks"]] == ["latency"] * CASES
        assert all(0 <= case["ray_share"] <= 1 for case in run["fleet"])
        assert run["partial"] is None
    assert (out / "report.html").stat().st_size > 1000


def test_a_machine_that_dies_is_named_and_resume_goes_on(nodes: Nodes, tmp_path: Path) -> None:
    out = tmp_path / "fleet"
    mortal = nodes.add(labels={"kind": "mortal"}, env_vars={VARIABLE: json.dumps({"hang": "int8"})})
    running = fleet(nodes, out)
    until(lambda: finished(out) or running.poll() is not None)
    nodes.kill(mortal)
    status, output = ended(running)
    assert status == 1, output
    assert re.search(
        r"^mortal \(\S+\) died during .*int8.*: 1 of 2 cases are kept, and --resume goes on", output, re.MULTILINE
    )
    until(lambda: not time_of_processes(lambda command: "test_latency.py::" in command))  # none goes on measuring
    kept = {path: path.stat().st_mtime_ns for path in out.glob("*/test_*.json")}
    assert len(kept) > CASES

    status, output = ended(fleet(nodes, out))
    assert status == 2
    assert "holds the results of a fleet: go on with --resume" in output
    nodes.add(labels={"kind": "mortal"})
    status, output = ended(fleet(nodes, out, "--resume"))
    assert status == 0, output
    assert len(run_of(out, "mortal")["benchmarks"]) == CASES
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def finished(out: Path) -> list[Path]:
    """The finished case of the kind whose node is to die; its second never ends."""
    return list(out.glob("mortal/test_*.json"))


def test_a_kind_that_has_a_price_and_no_machine(nodes: Nodes, tmp_path: Path) -> None:
    status, output = ended(fleet(nodes, tmp_path / "fleet", "--price", "huge=1"))
    assert status == 2
    assert "error: --price names huge, and the cluster has " in output
