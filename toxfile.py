"""tox loads this first: a Python that the project does not run on is refused before anything is downloaded."""

import platform
import sys
from pathlib import Path

from packaging.specifiers import SpecifierSet

_project = Path(__file__).with_name("pyproject.toml").read_text(encoding="utf-8")
wanted = _project.split('requires-python = "')[1].split('"')[0]  # Python 3.10 has no tomllib
if not SpecifierSet(wanted).contains(platform.python_version(), prereleases=True):
    sys.exit(
        f"tox runs on Python {platform.python_version()}, but ssd-vgg16-bench needs Python {wanted}:"
        " run it on one of these, such as `pipx run --python python3.13 tox`."
    )
