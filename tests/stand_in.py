"""A plugin that puts a worker of chosen durations in the place of TensorFlow's, with all of the project's own plugins.

`pytest -p tests.stand_in bench` then runs bench/ itself in about a second; see `stand_in_worker.py`.
"""

from pathlib import Path

import pytest

from ssd_core.errors import UserError
from tests.stand_in_worker import VARIABLE, StandInWorker, plan

__all__ = ["VARIABLE"]


def _no_demo(_: object) -> None:
    raise UserError("the stand-in makes no demo: give --data-location")


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """The worker's LoadGen is a stand-in, too, so that the package is not needed; the options are checked early."""
    from ssd_core.scenarios import loadgen

    patch = pytest.MonkeyPatch()
    early_config.add_cleanup(patch.undo)
    patch.setattr(loadgen, "require", lambda: None)
    patch.setattr(loadgen, "version", lambda _: "stand-in")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put the stand-ins in their places, for this run only."""
    from fixtures import graphs
    from ssd_core.demo import places
    from ssd_core.images.dataset import ANNOTATIONS
    from ssd_core.scenarios.protocol import Graph
    from ssd_core.verdicts import kernels
    from ssd_core.worker import pool

    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setattr(pool, "Worker", StandInWorker)
    patch.setattr(kernels, "is_native", lambda _: True)  # its CPU has instructions for every precision
    if (records := plan()["records"]) is None:
        patch.setattr(graphs.Demo, "make", _no_demo)
    else:
        patch.setattr(graphs.Demo, "make", lambda _: None)
        patch.setattr(places, "records", lambda: Path(records))
        patch.setattr(places, "annotations", lambda: Path(records) / ANNOTATIONS)
    patch.setattr(graphs.Graphs, "of", lambda self, precision: Graph(Path(f"{precision}.pb"), "stand-in"))
