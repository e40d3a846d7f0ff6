"""The worker in which the yardstick and the roofline run."""

from tests.worker.conftest import graphs, worker

__all__ = ["graphs", "worker"]
