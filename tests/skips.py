"""The tests that are skipped somewhere, where, and why. With CI=true a run fails that skips others, or not these."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec

from ssd_core.backends import registry
from tests.coco.conftest import COCO_MINI


def in_report_tests() -> bool:
    """Whether there is what drives a browser. `tox -e report-tests` has it, and then a missing browser is a failure."""
    return find_spec("selenium") is not None


@dataclass(frozen=True)
class Skip:
    """Tests, by a pattern of their ids, some of which are skipped where `here` is true, and nowhere else."""

    pattern: str
    here: Callable[[], bool]
    reason: str


def in_ray_tests() -> bool:
    """Whether there is Ray, which `tox -e ray-tests` has."""
    return find_spec("ray") is not None


def is_root() -> bool:
    """Whether a small disk can be mounted."""
    return os.geteuid() == 0


SKIPS = (
    Skip("tests/coco/*", lambda: not COCO_MINI.is_dir(), "the 79 images of COCO are no part of the repository"),
    Skip("tests/backends/test_*", lambda: bool(registry.missing()), "tox -e peers-tests has the other runtimes"),
    Skip("tests/worker/test_loadgen.py*", lambda: not find_spec("mlperf_loadgen"), "LoadGen has no wheel for it"),
    Skip("tests/scale/test_ray*.py*", lambda: not in_ray_tests(), "tox -e ray-tests has Ray"),
    Skip("tests/scale/test_fleet_ray.py*", lambda: not in_ray_tests(), "tox -e ray-tests has Ray"),
    Skip(
        "tests/scale/test_ray.py::test_a_node_whose_disk_is_full*",
        lambda: in_ray_tests() and not is_root(),
        "only root can mount a small disk; .ci/run is root",
    ),
    Skip("tests/html/test_browser.py*", lambda: not in_report_tests(), "tox -e report-tests has a browser"),
    Skip(
        "tests/backends/test_bench.py::test_without_the_packages_it_is_refused",
        lambda: not registry.missing(),
        "it tests what is said where the other runtimes are missing",
    ),
)


def complaints(ran: Collection[str], skipped: Collection[str], skips: Collection[Skip] = SKIPS) -> list[str]:
    """What is wrong with a run that skipped the tests `skipped` and none of `ran`: a sentence each."""
    here = [skip.pattern for skip in skips if skip.here()]
    unlisted = [test for test in skipped if not any(fnmatchcase(test, pattern) for pattern in here)]
    needless = [
        pattern
        for pattern in here
        if any(fnmatchcase(test, pattern) for test in ran) and not any(fnmatchcase(test, pattern) for test in skipped)
    ]
    return [
        *(f"{test} was skipped, and tests/skips.py does not list it for this machine." for test in unlisted),
        *(f"{pattern} is listed in tests/skips.py for this machine, and none was skipped." for pattern in needless),
    ]
