"""A comparison with other runtimes on a worker of fixed durations: who runs when, at which setting, and the ratios."""

from pathlib import Path
from typing import Any

import pytest

from ssd_core.backends.registry import OURS
from ssd_core.errors import UserError
from ssd_core.machine import identity
from ssd_core.results.case import Case
from ssd_core.scenarios import peers, tuning
from ssd_core.scenarios.peers import TURNS, Peers, PeersAccuracy
from tests.scenarios.contexts import ContextMaker

CASE = Case("peers", "int8", 1, 1, 2)


@pytest.fixture(autouse=True)
def _made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The peers' models are made, and the packages have versions."""
    monkeypatch.setattr(peers, "models_of", lambda *_: tmp_path)
    monkeypatch.setattr(peers, "versions", lambda: {"openvino": "1"})


def test_all_run_in_turn_and_the_ratio_says_how_many_times_as_fast_ours_is(
    context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    run = peers.Turn.run

    def noted(turn: peers.Turn, steps: int) -> list[float]:
        order.append(turn.inference.network.backend)
        return run(turn, steps)

    monkeypatch.setattr(peers.Turn, "run", noted)
    result = Peers(CASE, context({"ms": {"int8": 20.0}, "peers": 1.5}, steps=32, warmup_steps=1)).measure()
    names = list(result.peers.sides)
    assert names[0] == OURS
    assert order[-len(names) * TURNS :] == [*names, *reversed(names)] * (TURNS // 2)
    assert [len(turn) for turn in result.peers.sides["openvino"].samples_ns] == [2] * TURNS
    ratio = result.peers.ratios["openvino"]
    assert [ratio.ratio, ratio.low] == pytest.approx([1.5, 1.5])
    assert result.peers.sides["openvino"].ns_an_image == 30e6
    assert OURS not in result.peers.ratios


def test_throughput_runs_each_at_its_best_which_is_searched_once(
    context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []
    search = tuning.searched

    def noted(inference: Any, *arguments: Any) -> Any:
        searched.append(inference.network.backend)
        return search(inference, *arguments)

    monkeypatch.setattr(peers, "searched", noted)
    chosen = context(steps=16, warmup_steps=1)
    first = Peers(CASE, chosen, "throughput").measure()
    again = Peers(CASE, chosen, "throughput").measure()
    assert searched == list(first.peers.sides)
    for name, figures in first.peers.sides.items():
        setting = figures.setting
        assert f"batch {setting.batch_size}" in max(
            figures.tried_images_per_second, key=lambda tried: figures.tried_images_per_second[tried]
        )
        assert setting == again.peers.sides[name].setting


def test_accuracy_holds_each_against_our_fp32(context: ContextMaker, noise_records: Path) -> None:
    case = Case("peers_accuracy", "int8", 1, 1, 2)
    result = PeersAccuracy(case, context({"score": {"fp32": 0.9, "int8": 0.8}}, noise_records)).measure()
    for numbers in result.peers_accuracy.values():
        assert (numbers["AP"], numbers["AP_share"], numbers["agreement"]) == (1.0, 1.0, 1.0)
        assert numbers["images"] == 5


def test_a_precision_that_the_cpu_has_not_is_refused(context: ContextMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "of_this_machine", lambda: {"isa_flags": ["avx2"]})
    with pytest.raises(UserError, match="no bf16 instructions: leave bf16 out"):
        Peers(Case("peers", "bf16", 1, 1, 2), context())


def test_the_peers_are_made_of_the_fp32_graph(context: ContextMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"made from as well, with --in-graph fp32=PATH"):
        Peers(CASE, context(graphs={"int8": Path("mine.pb")}))
