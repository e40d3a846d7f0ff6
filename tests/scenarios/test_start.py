"""The processes of a run: which are started, and with what, before the first case."""

from pathlib import Path
from typing import Any

import pytest

from ssd_core.backends.protocol import OpenGraph, Opening
from ssd_core.errors import UserError
from ssd_core.results.case import NO_PRECISION, Case
from ssd_core.scenarios.start import start
from ssd_core.scenarios.timed import Timed
from ssd_core.worker import pool
from tests.scenarios.contexts import ContextMaker
from tests.stand_in_worker import StandInWorker

ACCURACY, LATENCY = (Case(kind, "int8", 1, 1, 2) for kind in ("accuracy", "latency"))
Did = list[tuple[str, bool, Any]]


@pytest.fixture
def did(context: ContextMaker, monkeypatch: pytest.MonkeyPatch) -> Did:
    """What workers were told, with whether they print oneDNN's lines."""
    calls: Did = []

    class Noting(StandInWorker):
        def open(self, opening: Opening) -> OpenGraph:
            calls.append((opening.model.stem, self.settings.onednn_verbose, opening.streams))
            if opening.model.stem == "fp32":
                raise UserError("fp32.pb is broken: export it again.")
            return super().open(opening)

        def feed_records(self, shards: Any, batch_size: int, *threads: int) -> None:
            calls.append(("records", self.settings.onednn_verbose, batch_size))

    monkeypatch.setattr(pool, "Worker", Noting)
    return calls


def test_each_precision_is_opened_once_and_its_kernels_process_if_it_is_timed(context: ContextMaker, did: Did) -> None:
    start([ACCURACY], context())
    assert did == [("int8", False, 1)]
    did.clear()
    start([ACCURACY, LATENCY, Case("throughput", "int8", 8, 1, 2, streams=2)], context())
    assert sorted(did) == [("int8", False, 1), ("int8", True, 1)]


def test_a_tuned_case_is_opened_with_the_first_setup_of_its_search(context: ContextMaker, did: Did) -> None:
    start([Case("throughput", "int8", streams=0, tuned=True)], context(tune=True, cpus=2))
    assert sorted(did) == [("int8", False, 1), ("int8", True, 1)]


def test_the_pipeline_is_fed_its_first_batch_size(context: ContextMaker, did: Did, noise_records: Path) -> None:
    start([Case("input_pipeline", NO_PRECISION, batch, 1, 2) for batch in (4, 8)], context(records=noise_records))
    assert did == [("records", False, 4)]


def test_kinds_that_open_variants_or_other_runtimes_start_their_own(context: ContextMaker, did: Did) -> None:
    start([Case(kind, "int8", 1, 1, 2) for kind in ("against", "peers", "profile")], context())
    assert did == []


def test_an_error_is_left_to_its_case(context: ContextMaker, did: Did) -> None:
    chosen, case = context(), Case("latency", "fp32", 1, 1, 2)
    start([case, LATENCY], chosen)
    assert {precision for precision, *_ in did} == {"fp32", "int8"}
    with pytest.raises(UserError, match=r"fp32\.pb is broken"):
        Timed(case, chosen)
