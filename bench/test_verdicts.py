"""Is it good enough, and no worse than before? The thresholds of thresholds.toml, and a baseline; asked last."""

import pytest

from fixtures.gate import Gate
from fixtures.verdicts import Question


@pytest.mark.measures("verdict")
def test_verdict(question: Question, gate: Gate) -> None:
    gate.answer(question)
