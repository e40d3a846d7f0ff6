import json
from pathlib import Path
from typing import Any

import pytest

from ssd_core.__main__ import main
from ssd_core.errors import UserError
from ssd_core.machine import identity
from ssd_core.results.run import Run, read_run
from ssd_core.scale.fleet import Kept, machines_of
from ssd_core.scale.fleet_command import _price, cost_table
from ssd_core.scale.measuring import MeasuredCase
from ssd_core.scale.messages import Node
from ssd_core.scale.probe import Probe
from tests.saved_runs import BenchmarkMaker, Saver
from tests.saved_runs import benchmark_of as benchmark_of  # fixtures
from tests.saved_runs import save as save


def node(name: str, **labels: str) -> Node:
    return Node(name, f"10.0.0.{name}", 2.0, labels)


def probe(max_isa: str | None = None, **fields: Any) -> Probe:
    return Probe(identity.of_this_machine() | {"cpu_model": "Xeon(R) 1", "cores": 2} | fields, "0", [], "boot", max_isa)


def test_one_machine_of_each_kind() -> None:
    probes = {
        "1": probe(),
        "2": probe(),
        "3": probe(cpu_model="EPYC 9"),
        "4": probe(cores=4),
        "5": probe("AVX2"),
        "6": probe(),
    }
    nodes = [node(name) for name in "12345"] + [node("6", kind="c7i.xlarge")]
    machines = machines_of(nodes, probes)
    assert [machine.node.id for machine in machines] == ["1", "3", "4", "5", "6"]
    assert machines[-1].kind == "c7i.xlarge"
    assert len({machine.kind for machine in machines}) == 5
    assert all("/" not in machine.kind and " " not in machine.kind for machine in machines)


def test_a_label_for_two_kinds_of_hardware_has_two_names() -> None:
    nodes = [node("1", kind="a"), node("2", kind="a")]
    machines = machines_of(nodes, {"1": probe(), "2": probe(cores=8)})
    assert [machine.kind for machine in machines] == ["a", "a-2"]


def test_what_is_finished_is_one_file_of_results(tmp_path: Path, benchmark_of: BenchmarkMaker, save: Saver) -> None:
    kept = Kept(tmp_path / "kind")
    names = [
        "bench/test_latency.py::test_latency[int8-batch1-intra2]",
        "bench/test_throughput.py::test_throughput[a/b]",
    ]
    kept.keep_cases(names)
    assert Kept.of(tmp_path / "kind").open == names
    assert kept.document() is None
    document = json.loads(save("run.json", [benchmark_of("latency", "int8")]).read_text())
    document |= {"ledger": [], "not_asked": []}
    kept.file(names[0]).write_text(
        json.dumps({"status": 0, "output": "", "began": 1.0, "ended": 2.0, "ray_share": 0.01, "document": document})
    )
    assert Kept.of(tmp_path / "kind").open == names[1:]
    joined = kept.document()
    assert joined is not None
    assert joined["partial"] == "1 of 2 cases measured"
    (tmp_path / "kind.json").write_text(json.dumps(joined))
    assert [result.kind for result in read_run(tmp_path / "kind.json").results] == ["latency"]
    ((name, measured),) = kept.finished()
    assert (name, measured.ray_share) == (names[0], 0.01)
    assert isinstance(measured, MeasuredCase)


def test_what_a_million_images_cost(benchmark_of: BenchmarkMaker, save: Saver, tmp_path: Path) -> None:
    run: Run = read_run(save("big.json", [benchmark_of("throughput", "int8")]))
    (result,) = run.results
    (row,) = cost_table([run], {run.path.stem: 3.6}).rows
    assert float(row[-1]) == pytest.approx(1000 / result.images_per_second, rel=0.01)  # type: ignore[attr-defined]
    assert not cost_table([run], {"other": 1.0}).rows


@pytest.mark.parametrize("text", ["a", "=1", "a=", "a=b", "a=0", "a=-1", "a=nan", "a=inf"])
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(UserError, match="is no price: write KIND=PRICE"):
        _price(text)


def test_a_kinds_name_may_hold_the_sign() -> None:
    assert _price("a=b=0.5") == ("a=b", 0.5)


def test_outside_of_the_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("altair")
    assert main(["fleet", "--ray", "127.0.0.1:1"]) == 2
    assert "run the command at the root of the project's clone" in capsys.readouterr().err
    assert not (tmp_path / "fleet").exists()
