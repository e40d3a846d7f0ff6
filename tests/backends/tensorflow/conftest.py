"""The worker whose steps are traced."""

from tests.worker.conftest import graphs, worker

__all__ = ["graphs", "worker"]
