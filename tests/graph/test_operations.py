"""What a graph may hold: all that our graphs need, and nothing that reaches out of the process."""

from typing import Any

import pytest
from tensorflow.python.framework import op_def_registry

from ssd_core.graph.contract import operation_counts
from ssd_core.graph.operations import INFERENCE_OPERATIONS

STATEFUL = ("Assert", "If", "TensorArray", "While")
"""What TensorFlow calls stateful for the order in which it runs: it keeps nothing beyond a step."""


@pytest.mark.parametrize("graph", ["seeded_graph", "seeded_upstream_graph", "seeded_upstream_int8"])
def test_our_graphs_and_upstreams_are_let_in(graph: str, request: pytest.FixtureRequest) -> None:
    assert set(operation_counts(request.getfixturevalue(graph))) <= INFERENCE_OPERATIONS


def test_what_the_quantizer_writes_is_let_in(seeded_int8: tuple[Any, Any]) -> None:
    counts = operation_counts(seeded_int8[0])
    assert any(name.startswith("QuantizedConv2D") for name in counts)
    assert set(counts) <= INFERENCE_OPERATIONS


def test_none_has_a_state_that_outlives_a_step() -> None:
    known = [definition for name in INFERENCE_OPERATIONS if (definition := op_def_registry.get(name)) is not None]
    assert len(known) > 0.9 * len(INFERENCE_OPERATIONS)
    assert not [of.name for of in known if of.is_stateful and not of.name.startswith(STATEFUL)]


@pytest.mark.parametrize(
    "name",
    ["ReadFile", "WriteFile", "PyFunc", "EagerPyFunc", "VariableV2", "RestoreV2", "SaveV2", "Print", "PrintV2"],
)
def test_what_reads_writes_or_calls_python_is_not(name: str) -> None:
    assert op_def_registry.get(name) is not None
    assert name not in INFERENCE_OPERATIONS
