"""Scenarios on a worker of fixed durations: neither TensorFlow nor pytest's plugins take part."""

import json
from pathlib import Path
from typing import Any

import pytest

from ssd_core.worker import pool
from tests.scenarios.contexts import ContextMaker, context_of
from tests.stand_in_worker import VARIABLE, StandInWorker


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ContextMaker:
    """`context(plan, records, steps=3, ...)`: what scenarios are given, with keywords for the settings."""
    monkeypatch.setattr(pool, "Worker", StandInWorker)

    def make(plan: dict[str, Any] | None = None, records: Path | None = None, **settings: Any) -> Any:
        monkeypatch.setenv(VARIABLE, json.dumps({"noise": 0.0, **(plan or {})}))
        return context_of(tmp_path, records, **settings)

    return make
