"""The whole network quantized: ours, and the upstream graph."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ssd_core.graph.contract import identify, operation_counts
from ssd_core.graph.export import CANDIDATE_LOGITS, LOCATIONS
from ssd_core.graph.rewrite import LayerReport

GraphDef = Any
Floats = npt.NDArray[np.float32]
Small = Callable[..., GraphDef]
Run = Callable[..., list[npt.NDArray[Any]]]

NEARLY_THE_SAME = 0.99
"""A correlation: noise of sqrt(1 / 0.99^2 - 1), 14 % of the signal. Rounding makes 1 % or less in each of 35 layers,
and sqrt(35) times that, 4 to 6 %, where they all come together."""


def test_the_whole_network_is_int8_but_for_the_normalisation(
    seeded_outputs: dict[str, npt.NDArray[Any]],
    seeded_int8: tuple[GraphDef, list[LayerReport]],
    network_input: Floats,
    run: Run,
) -> None:
    int8, reports = seeded_int8
    assert not any(r.reason for r in reports)
    counts = operation_counts(int8)
    assert counts["QuantizedConv2DWithBiasAndReluAndRequantize"] == 23
    assert counts["QuantizedConv2DWithBiasAndRequantize"] == 12
    assert counts["QuantizedMaxPool"] == 5
    # In: the image and the normalised conv4_3. Out: conv4_3 for its normalisation, each box's best logit and that of
    # its background, logits and locations of the candidates; and, for whoever asks, of all boxes.
    assert (counts["QuantizeV2"], counts["Dequantize"]) == (2, 5 + 2)
    assert not counts.keys() & {"Conv2D", "MaxPool", "BiasAdd", "Relu"}
    names = [CANDIDATE_LOGITS, LOCATIONS]
    *predictions, counted = run(int8, [*names, "num_detections"], network_input, optimize=True)
    for name, got in zip(names, predictions, strict=True):
        assert np.corrcoef(seeded_outputs[name].ravel(), got.ravel())[0, 1] > NEARLY_THE_SAME
    assert counted[0] == pytest.approx(seeded_outputs["num_detections"][0], rel=0.2)


def test_the_upstream_graph_is_quantized_too(
    seeded_outputs: dict[str, npt.NDArray[Any]], seeded_upstream_int8: GraphDef, network_input: Floats, run: Run
) -> None:
    assert identify(seeded_upstream_int8).name == "upstream"
    counts = operation_counts(seeded_upstream_int8)
    assert sum(count for name, count in counts.items() if name.startswith("QuantizedConv2D")) == 34
    assert (counts["Conv2D"], counts["QuantizedMaxPool"], counts["NonMaxSuppressionV3"]) == (1, 5, 80)
    assert "SpaceToBatchND" not in counts
    (got,) = run(seeded_upstream_int8, ["logits"], network_input)
    assert np.corrcoef(seeded_outputs["logits"].ravel(), got.ravel())[0, 1] > NEARLY_THE_SAME
