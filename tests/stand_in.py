"""A plugin that puts a worker of chosen durations in the place of TensorFlow's, with all of the project's own plugins.

`pytest -p tests.stand_in bench` then runs bench/ itself in about a second; see `stand_in_worker.py`.
"""

from pathlib import Path

import pytest

from ssd_core.errors import UserError
from tests.stand_in_worker import VARIABLE, StandInWorker

__all__ = ["VARIABLE"]


def _no_demo(_: object) -> None:
    raise UserError("the stand-in makes no demo: give --data-location")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put the stand-ins in their places, for this run only."""
    from fixtures import graphs
    from ssd_core.scenarios.protocol import Graph
    from ssd_core.worker import pool

    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setattr(pool, "Worker", StandInWorker)
    patch.setattr(graphs.Demo, "make", _no_demo)
    patch.setattr(graphs.Graphs, "of", lambda self, precision: Graph(Path(f"{precision}.pb"), "stand-in"))
