"""Files of results."""

from tests.saved_runs import benchmark_of, save

__all__ = ["benchmark_of", "save"]
