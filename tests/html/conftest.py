"""A saved run to draw: every kind of result, with detections of a small data set beside it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ssd_core.coco import annotations
from ssd_core.coco.evaluate import ALL_IMAGES, evaluate
from ssd_core.coco.results import Results
from ssd_core.results.case import Case
from ssd_core.results.parts import Candidate, Data, Yardstick
from ssd_core.results.run import Run, read_run
from ssd_core.results.schema import AccuracyResult, Result, as_info
from tests.output.test_peers_tables import side, speeds
from tests.output.test_profile_tables import profile
from tests.simulated import lognormal
from tests.typed_results import loadgen, server, timed

HOSTILE = "<script>alert(1)</script>x.jpg"
IDENTITY = {
    **{"cpu_model": "Example <b>9000</b>", "isa_flags": ["avx2", "avx512_vnni"], "cores": 2, "cpus": 2, "sockets": 1},
    **{"affinity": "0-1", "cgroup_quota": None, "governor": "powersave", "turbo": True, "smt": False},
    **{"numa_nodes": 1, "kernel": "6.1", "hostname": "here", "tensorflow": "tensorflow-cpu 2.21.0"},
}
JITTER = {
    **{"mhz_lowest": None, "mhz_highest": None, "load_1_min": 1.5, "steal": 0.0},
    **{"temperature_celsius": None, "swap_used_mib": 0.0},
}
LEDGER = [
    {"subject": "latency int8-batch1-intra2", "asked": "measure", "outcome": "kept", "reason": "measured"},
    {"subject": "latency int8-batch1-intra2", "asked": "max_p99_ms", "outcome": "broken", "reason": "p99 is <1> ms"},
]
MS = {"fp32": 80.0, "int8": 20.0, "bf16": 40.0}
SCORES = {"fp32": (0.9, 0.8, 0.7, 0.6, 0.5), "int8": (0.9, 0.8, 0.7), "bf16": (0.9, 0.8, 0.7, 0.6, 0.5)}


def series(precision: str, kind: str, seed: int = 1, **changes: Any) -> Result:
    """Two processes of 150 steps."""
    random = np.random.default_rng(seed)
    samples_ns = [lognormal(random, 150, centre_ns=MS.get(precision, 2.0) * 1e6).tolist() for _ in range(2)]
    about = {
        "yardstick": Yardstick.of([10**6] * 3, [10**6] * 3),
        "warmup_steps": 24,
        "batch_size": 1,
        "allocator": "malloc",
    }
    return timed(precision, kind, samples_ns=samples_ns, **{**about, **changes})


def results(seed: int = 1) -> list[Result]:
    """Every kind, without accuracy."""
    case = Case("peers", "int8", 1, 1, 2)
    tuning = [Candidate(1, 1, 2, 1, 48.0), Candidate(2, 1, 1, 1, 50.0)]
    return [
        *(series(precision, kind, seed) for kind in ("throughput", "latency") for precision in MS),
        series("int8", "throughput", seed, tuned=True, tuning=tuning),
        series("data", "input_pipeline", seed),
        server(),
        loadgen(1.03),
        profile(),
        speeds(case, {"tensorflow": side(40e6), "openvino": side(36e6)}, {"openvino": peers_ratio()}),
    ]


def peers_ratio() -> Any:
    from ssd_core.results.parts import Ratio

    return Ratio(0.9, 0.8, 1.0)


def accuracies(records: Path, folder: Path, precisions: Sequence[str] = tuple(MS)) -> list[AccuracyResult]:
    """What `pytest bench` keeps of the five images of noise, each with one object; int8 misses two."""
    instances = annotations.load(records / "instances_val2017.json")
    kept = []
    for precision in precisions:
        found = [
            {"image_id": image.id, "category_id": 3, "bbox": [60.0, 20.0, 120.0, 80.0], "score": score}
            for image, score in zip(instances.images, SCORES[precision], strict=False)
        ]
        found.append(
            {"image_id": instances.images[0].id, "category_id": 1, "bbox": [5.0, 5.0, 20.0, 30.0], "score": 0.4}
        )
        file = folder / f"detections_{precision}_20261126_101500.json"
        file.write_text(json.dumps(found))
        accuracy = evaluate(Results.of(found), instances, [image.id for image in instances.images])
        about: dict[str, Any] = {
            "images": 5,
            "images_in_file": 5,
            "protocol": ALL_IMAGES,
            "data": Data("records", str(records), 5),
        }
        case = Case("accuracy", precision, 8, 1, 2)
        numbers = accuracy.numbers()
        kept.append(AccuracyResult(**case.fields, accuracy=numbers, detections_file=file.name, **about))
    return kept


def write(path: Path, content: Sequence[Result], **changes: Any) -> Path:
    """A file of results as `pytest bench` saves it."""
    benchmarks = [
        {"name": str(one.case), "fullname": f"bench/test.py::{one.case}", "extra_info": as_info(one), "stats": {}}
        for one in content
    ]
    document = {
        "machine_info": {"identity": IDENTITY | changes.pop("identity", {}), "jitter": JITTER},
        "benchmarks": benchmarks,
        "ledger": LEDGER,
        "not_asked": [],
        "partial": None,
        **changes,
    }
    path.write_bytes(msgspec.json.encode(document))
    return path


@pytest.fixture(scope="session")
def saved(noise_records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run with everything, its detections beside it."""
    folder = tmp_path_factory.mktemp("saved")
    return write(folder / "benchmark_20261126_101500.json", [*results(), *accuracies(noise_records, folder)])


@pytest.fixture(scope="session")
def saved_run(saved: Path) -> Run:
    """The same, read."""
    return read_run(saved)
