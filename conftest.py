"""Plugs the fixtures in; nothing else."""

pytest_plugins = (
    "fixtures.options",
    "fixtures.cases",
    "fixtures.header",
    "fixtures.progress",
    "fixtures.graphs",
    "fixtures.images",
    "fixtures.workers",
    "fixtures.shards",
    "fixtures.measure",
    "fixtures.serving",
    "fixtures.foreign",
    "fixtures.history",
    "fixtures.verdicts",
    "fixtures.record",
    "fixtures.report",
    "fixtures.terminal",
    "fixtures.details",
    "fixtures.container",
    "fixtures.bisect",
)
