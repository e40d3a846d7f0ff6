"""The demo has the known bits, whatever instructions and threads make it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ssd_core.demo import known
from ssd_core.files import CACHE_VARIABLE
from tests.sources import ROOT

NARROW = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "NPY_DISABLE_CPU_FEATURES": " ".join(np._core._multiarray_umath.__cpu_dispatch__),  # type: ignore[attr-defined]
    "OPENBLAS_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
}


@pytest.mark.parametrize("environment", [{}, NARROW], ids=["as it is", "narrow"])
def test_the_demo_has_the_known_bits(environment: dict[str, str], tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "ssd_core", "demo"],
        cwd=ROOT.parent,
        env={**os.environ, CACHE_VARIABLE: str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = ended.stdout.splitlines()
    assert "These are the known bits, the same on every machine." in lines, ended.stdout
    for name, digest in known.SHA256.items():
        assert any(line.startswith(name) and f"sha256 {digest[:12]}" in line for line in lines)
