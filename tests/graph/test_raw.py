"""A graph cut off at its raw predictions."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ssd_core.errors import UserError
from ssd_core.graph.contract import operation_counts
from ssd_core.graph.frozen import read_graph
from ssd_core.graph.raw import raw_predictions
from ssd_core.graph.session import session_on
from ssd_core.network.detections import BACKGROUND_OFFSET
from tests.rounding import of_the_network

GraphDef = Any
Floats = npt.NDArray[np.float32]


def outputs(graph_def: GraphDef, images: Floats) -> list[npt.NDArray[Any]]:
    cut, contract = raw_predictions(graph_def)
    with session_on(cut) as session:
        found: list[npt.NDArray[Any]] = session.run(list(contract.outputs), {contract.input: images})
    return found


def test_an_fp32_graph_ends_in_floats(seeded_graph: GraphDef, network_input: Floats) -> None:
    locations, logits = outputs(seeded_graph, network_input)
    assert locations.shape == (1, 8732, 4)
    assert logits.shape == (1, 8732, 81)
    assert locations.dtype == logits.dtype == np.float32
    cut, contract = raw_predictions(seeded_graph)
    assert "CombinedNonMaxSuppression" not in operation_counts(cut)
    assert contract.fixed_batch is None


def test_an_int8_graph_ends_in_the_integers_that_it_goes_on_with(
    seeded_int8: tuple[GraphDef, Any], seeded_graph: GraphDef, network_input: Floats
) -> None:
    locations, logits = outputs(seeded_int8[0], network_input)
    assert locations.shape == (1, 8732, 4)
    assert locations.dtype == logits.dtype == np.int8
    _, expected = outputs(seeded_graph, network_input)
    assert np.corrcoef(logits.ravel(), expected.ravel())[0, 1] > 0.99  # see test_quantize.NEARLY_THE_SAME


def test_the_graph_is_left_as_it_was(seeded_int8: tuple[GraphDef, Any]) -> None:
    before = len(seeded_int8[0].node)
    raw_predictions(seeded_int8[0])
    assert len(seeded_int8[0].node) == before


def test_a_graph_of_upstreams_contract_ends_in_what_its_own_post_processing_takes(
    seeded_upstream_graph: GraphDef, seeded_graph: GraphDef, network_input: Floats
) -> None:
    cut, contract = raw_predictions(seeded_upstream_graph)
    assert contract.fixed_batch == 1
    assert "NonMaxSuppressionV3" not in operation_counts(cut)
    found = outputs(seeded_upstream_graph, network_input)
    expected = outputs(seeded_graph, network_input)
    expected[1][..., 0] -= BACKGROUND_OFFSET  # which our exporter takes from the background's bias
    for values, others in zip(found, expected, strict=True):
        np.testing.assert_allclose(values.reshape(others.shape), others, atol=of_the_network(others), rtol=0)


def test_a_graph_without_such_nodes_is_refused(small_graphs: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="no node locations"):
        raw_predictions(read_graph(small_graphs["fp32"]))
