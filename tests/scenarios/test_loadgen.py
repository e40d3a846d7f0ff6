"""LoadGen beside our figures, on a worker whose queue is simulated."""

import importlib.util
from typing import Any

import pytest

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.results.schema import LoadgenResult
from ssd_core.scenarios import loadgen
from ssd_core.scenarios.loadgen import Loadgen
from ssd_core.scenarios.settings import ServerAsked
from ssd_core.worker.loadgen import SCENARIOS
from tests.scenarios.contexts import ContextMaker

CASE = Case("loadgen", "int8", 1, 1, 2)


@pytest.fixture(autouse=True)
def _any_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's LoadGen is a stand-in, so that the package is not needed."""
    monkeypatch.setattr(loadgen, "version", lambda _: "stand-in")


def measured(
    context: ContextMaker, case: Case = CASE, asked: dict[str, Any] | None = None, **plan: Any
) -> LoadgenResult:
    given: dict[str, Any] = {"rate": 40.0, "bound_ms": 60.0, "percentile": 90.0} | (asked or {})
    return Loadgen(case, context({"ms": {"int8": 10.0}} | plan, server=ServerAsked(**given))).measure()


def test_the_same_figures_agree(context: ContextMaker) -> None:
    result = measured(context)
    assert [row.scenario for row in result.rows] == list(SCENARIOS)
    single, multi, server, offline = result.rows
    assert all(row.agrees and not row.invalid for row in result.rows)
    assert single.ours.value == pytest.approx(10.0, rel=0.02), "ms, of one image"
    assert multi.ours.value == pytest.approx(80.0, rel=0.02), "of eight"
    assert server.ours.value > single.ours.value, "requests wait"
    assert offline.loadgen.value == pytest.approx(100.0, rel=0.02), "images/s"
    assert [row.unit for row in result.rows] == ["ms", "ms", "ms", "images/s"]


def test_streams_and_batches_answer_a_query_together(context: ContextMaker) -> None:
    result = measured(context, Case("loadgen", "int8", 4, 1, 1, streams=2))
    single, multi, _, offline = result.rows
    assert multi.ours.value == pytest.approx(37.0, rel=0.05), "two batches of four side by side"
    assert offline.ours.value == pytest.approx(8 / 0.037, rel=0.05)
    assert single.ours.value == pytest.approx(10.0, rel=0.02)


def test_figures_that_differ_are_seen(context: ContextMaker) -> None:
    single, multi, _, offline = measured(context, loadgen=1.2).rows
    for row in (single, multi, offline):
        assert row.ratio.value == pytest.approx(1.2, rel=0.03)
        assert not row.agrees


def test_an_invalid_run_says_why(context: ContextMaker) -> None:
    assert all(row.invalid == ["early stopping"] for row in measured(context, valid=False).rows)


def test_each_run_has_its_own_folder_of_logs(context: ContextMaker) -> None:
    logs = [folder for row in measured(context).rows for folder in row.logs]
    assert len(logs) == len(set(logs)) == 2 + 2 + 3 + 2


def test_a_percentile_that_loadgen_does_not_report_is_refused(context: ContextMaker) -> None:
    with pytest.raises(UserError, match=r"LoadGen does not report p92: give --latency-percentile 50, 90,"):
        measured(context, asked={"percentile": 92.0})


def test_without_the_package_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"--loadgen needs the package mlcommons-loadgen .*: pip install -e"):
        loadgen.require()
