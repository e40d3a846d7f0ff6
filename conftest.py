"""Plugs the fixtures in; nothing else."""

pytest_plugins = (
    "fixtures.options",
    "fixtures.cases",
    "fixtures.errors",
    "fixtures.graphs",
    "fixtures.images",
    "fixtures.workers",
    "fixtures.inference",
    "fixtures.accuracy",
    "fixtures.storage",
    "fixtures.summary",
    "fixtures.recorder",
    "fixtures.gate",
)
