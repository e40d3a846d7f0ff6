"""A small COCO folder, as the converter's tests have it."""

from tests.coco.conftest import coco as coco  # fixtures
from tests.coco.conftest import make_coco as make_coco
