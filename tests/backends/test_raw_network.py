"""The network cut from a frozen graph for the peers."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ssd_core.backends.raw_network import network_of
from ssd_core.errors import UserError
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS
from ssd_core.graph.session import session_on
from ssd_core.network.anchors import default_centers
from ssd_core.network.detections import BACKGROUND_OFFSET
from tests.rounding import of_the_network

GraphDef = Any


def test_logits_are_plain_and_everything_else_stays(thin_graph: GraphDef, thin_images: npt.NDArray[np.float32]) -> None:
    network = network_of(thin_graph)
    values = []
    for graph_def in (thin_graph, network.graph_def):
        with session_on(graph_def) as session:
            values.append(session.run([f"{LOCATIONS}:0", f"{CANDIDATE_LOGITS}:0"], {"input:0": thin_images}))
    (locations, lowered), (same, plain) = values
    np.testing.assert_allclose(same, locations, atol=of_the_network(locations), rtol=0)
    lowered[..., 0] -= BACKGROUND_OFFSET
    np.testing.assert_allclose(plain, lowered, atol=of_the_network(lowered), rtol=0)


def test_default_boxes_are_the_graphs(thin_graph: GraphDef) -> None:
    np.testing.assert_array_equal(network_of(thin_graph).centers, default_centers())


def test_the_graph_is_left_as_it_was(thin_graph: GraphDef) -> None:
    before = thin_graph.SerializeToString(deterministic=True)
    network_of(thin_graph)
    assert thin_graph.SerializeToString(deterministic=True) == before


def test_a_graph_of_upstreams_contract_is_made_anew_from_its_weights(seeded_weights: dict[str, Any]) -> None:
    from ssd_core.graph.export import fp32_graph
    from ssd_core.graph.upstream_graph import upstream_graph

    ours = network_of(fp32_graph(seeded_weights)).graph_def
    theirs = network_of(upstream_graph(seeded_weights, space_to_batch=True)).graph_def
    assert theirs.SerializeToString(deterministic=True) == ours.SerializeToString(deterministic=True)


def test_a_graph_that_names_no_weights_is_refused(seeded_weights: dict[str, Any]) -> None:
    from ssd_core.graph.upstream_graph import upstream_graph

    graph = upstream_graph(seeded_weights)
    for node in graph.node:
        node.name = node.name.replace("conv1_1/kernel", "renamed")
        node.input[:] = [name.replace("conv1_1/kernel", "renamed") for name in node.input]
    with pytest.raises(UserError, match="no constant ssd300/conv1/conv1_1/kernel"):
        network_of(graph)


def test_a_graph_of_another_kind_is_refused(small_graphs: Any) -> None:
    from ssd_core.graph.frozen import read_graph

    with pytest.raises(UserError, match="no node locations"):
        network_of(read_graph(small_graphs["fp32"]))
