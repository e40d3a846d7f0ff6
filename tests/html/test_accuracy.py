"""The accuracy section: each run's own shares, and nothing to draw where no image has an object."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from ssd_core.coco.matches import Matches
from ssd_core.html.accuracy import section
from ssd_core.html.chart import Chart
from ssd_core.html.sources import Evaluated, Sources, evaluated
from ssd_core.output.table import Table
from ssd_core.results.run import Run
from ssd_core.results.schema import AccuracyResult
from tests.typed_results import accuracy


@pytest.fixture(scope="module")
def found(saved_run: Run) -> Evaluated:
    return evaluated(saved_run, Sources())


def tables(*runs: Run) -> list[Table]:
    labels = ["A", "B"][: len(runs)] if len(runs) > 1 else [""]
    return [block for block in section(runs, labels, None, "").blocks if isinstance(block, Table)]


def test_a_share_of_fp32_is_that_of_its_own_run(saved_run: Run) -> None:
    a, b = (replace(saved_run, results=(accuracy("fp32", ap), accuracy("int8", ap / 2))) for ap in (0.5, 0.25))
    of_each = [table for table in tables(a, b) if table.header[0].startswith("case (")]
    places = [table.header.index("AP / fp32") for table in of_each]
    assert [[row[at] for row in table.rows] for table, at in zip(of_each, places, strict=True)] == [
        ["1.000", "0.500"]
    ] * 2


def test_a_run_without_an_object_has_no_curves(saved_run: Run, found: Evaluated) -> None:
    nothing = {name: Matches(np.arange(5), ()) for name in found.matches}
    results = [
        msgspec.structs.replace(one, accuracy=dict.fromkeys(one.accuracy, -1))
        for one in saved_run.results
        if isinstance(one, AccuracyResult)
    ]
    made = section([replace(saved_run, results=tuple(results))], [""], replace(found, matches=nothing), "")
    assert not [block for block in made.blocks if isinstance(block, Chart)]
    assert "The images have no object to find" in " ".join(block for block in made.blocks if isinstance(block, str))


def test_categories_are_in_order_of_their_difference(saved_run: Run, found: Evaluated) -> None:
    made = section([saved_run], [""], found, "")
    (categories,) = (one for one in made.blocks if isinstance(one, Table) and one.header[0] == "category")
    assert categories.header == ["category", "objects", "fp32", "int8", "bf16", "largest difference"]
    assert categories.rows == [["car", "5", "1.000", "0.604", "1.000", "0.396"]]
