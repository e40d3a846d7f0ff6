"""Two rates in turn, on a worker whose queue is simulated."""

from typing import Any

import pytest

from ssd_core.errors import UserError
from ssd_core.results.case import Case
from ssd_core.results.schema import AgainstResult
from ssd_core.scenarios.server_against import ServerAgainst
from ssd_core.scenarios.settings import ServerAsked
from tests.scenarios.contexts import ContextMaker

CASE = Case("server_against", "int8", 1, 1, 2)


def measured(context: ContextMaker, variant: str, case: Case = CASE, **asked: Any) -> AgainstResult:
    plan = {"ms": {"int8": 10.0}, "noise": 0.005}
    given = {"bound_ms": 60.0, "percentile": 95.0} | asked
    return ServerAgainst(case, context(plan, against=(variant,), server=ServerAsked(**given))).measure()


def test_a_slower_case_takes_fewer_requests(context: ContextMaker) -> None:
    result = measured(context, "delay=2")
    assert result.against.verdict == "regression"
    assert result.against.ratio is not None
    assert result.against.ratio > 1.2, "12 ms in place of 10, and the bound stays"
    assert result.images_per_second == pytest.approx(1e9 * result.steps / sum(result.samples_ns[0]), rel=0.01)
    assert str(result.case) == "server_against int8-batch1-intra2 against delay=2"


def test_a_case_takes_as_many_as_itself(context: ContextMaker) -> None:
    result = measured(context, "env=A=1")
    assert result.against.verdict == "no change shown"
    assert result.against.rounds >= 10


def test_batches_count_requests_and_not_batches(context: ContextMaker) -> None:
    result = measured(context, "env=A=1", Case("server_against", "int8", 4, 1, 2), batch_timeout_ms=1.0)
    assert 50 < result.images_per_second < 110, "four take 37 ms"


def test_a_bound_below_the_inference_is_a_sentence(context: ContextMaker) -> None:
    with pytest.raises(UserError, match=r"No rate keeps p95 <= 9 ms: give a larger --latency-bound-ms"):
        measured(context, "env=A=1", bound_ms=9.0)
