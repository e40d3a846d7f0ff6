"""Plugs the fixtures in; nothing else."""

pytest_plugins = (
    "fixtures.options",
    "fixtures.cases",
    "fixtures.errors",
    "fixtures.graphs",
    "fixtures.images",
    "fixtures.variant",
    "fixtures.workers",
    "fixtures.progress",
    "fixtures.inference",
    "fixtures.against",
    "fixtures.profile",
    "fixtures.accuracy",
    "fixtures.peers",
    "fixtures.storage",
    "fixtures.summary",
    "fixtures.baselines",
    "fixtures.verdicts",
    "fixtures.recorder",
    "fixtures.gate",
    "fixtures.container",
)
