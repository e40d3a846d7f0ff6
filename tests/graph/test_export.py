"""The exported fp32 graph: the network, decoding and suppression in one, as the original computed them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ssd_core.errors import UserError
from ssd_core.graph.contract import BATCHED_OUTPUTS, identify, operation_counts
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS, fp32_graph
from tests.rounding import of_detections, of_the_network
from tests.rows import assert_same, without_ties

GraphDef = Any
Floats = npt.NDArray[np.float32]
Run = Callable[..., list[npt.NDArray[Any]]]


def test_it_is_of_the_batched_contract_with_one_suppression(seeded_graph: GraphDef) -> None:
    assert identify(seeded_graph).name == "batched"
    assert identify(seeded_graph).fixed_batch is None
    counts = operation_counts(seeded_graph)
    assert (counts["Conv2D"], counts["MaxPool"], counts["CombinedNonMaxSuppression"]) == (35, 5, 1)


def test_a_batch_gives_what_its_images_give(
    seeded_graph: GraphDef, network_input: Floats, run: Run, seeded_outputs: dict[str, npt.NDArray[Any]]
) -> None:
    names = [CANDIDATE_LOGITS, LOCATIONS, *BATCHED_OUTPUTS]
    together = run(seeded_graph, names, np.concatenate([network_input[:, ::-1], network_input]))
    for name, batch in zip(names[:2], together, strict=False):
        alone = seeded_outputs[name]
        np.testing.assert_allclose(batch[1:], alone, atol=of_the_network(alone), rtol=0)
    assert all(len(found.scores) > 100 for found in identify(seeded_graph).detections(together[2:]))


def test_predictions_and_detections_agree_with_the_original(
    seeded_graph: GraphDef, seeded_outputs: dict[str, npt.NDArray[Any]], golden: Mapping[str, Floats]
) -> None:
    for ours, theirs in (("logits", golden["network_cls"]), ("locations", golden["network_loc"])):
        rows = seeded_outputs[ours][0, golden["network_rows"]]
        np.testing.assert_allclose(rows, theirs, atol=of_the_network(theirs), rtol=0)
    (found,) = identify(seeded_graph).detections([seeded_outputs[name] for name in BATCHED_OUTPUTS])
    rows = np.concatenate([found.classes[:, None], found.scores[:, None], found.boxes], axis=1)
    kept, expected = without_ties(rows, golden["network_detections"])
    assert len(expected) > 60
    assert_same(kept, expected, of_detections(golden["network_cls"], golden["network_loc"]))


def test_weights_that_do_not_fit_are_refused(seeded_weights: dict[str, Floats]) -> None:
    weights = {name: value for name, value in seeded_weights.items() if not name.endswith("fc6/kernel")}
    with pytest.raises(UserError, match="no variable ssd300/fc6/kernel"):
        fp32_graph(weights)
