"""Detections of one image as rows of class, score, box: whether two tables of them are the same but for rounding."""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.floating]

SATURATED = 0.9999  # scores from here on are 1 to the last bit, or miss it by a few


def is_in(rows: Rows, others: Rows, within: float) -> npt.NDArray[np.bool_]:
    """Which of `rows` have a row among `others` that differs in no number by more than `within`."""
    distance = np.abs(rows[:, None] - others[None]).max(axis=-1)  # [rows, others]
    near: npt.NDArray[np.bool_] = distance.min(axis=1, initial=np.inf) <= within
    return near


def assert_same(rows: Rows, expected: Rows, within: float) -> None:
    """As many rows as expected, each near one of them and each of them near one, whatever their order."""
    assert len(rows) == len(expected)
    for some, others in ((rows, expected), (expected, rows)):
        assert is_in(some, others, within).all(), some[~is_in(some, others, within)]


def without_ties(*tables: Rows) -> list[Rows]:
    """The tables without the classes that have several saturated scores in any of them.

    Suppression goes by the order of scores. Where several are 1 but for their last bits rounding decides it, and with
    it which boxes of the class are kept.
    """
    crowded: set[float] = set()
    for rows in tables:
        classes, counts = np.unique(rows[rows[:, 1] >= SATURATED, 0], return_counts=True)
        crowded |= set(classes[counts > 1])
    return [rows[~np.isin(rows[:, 0], list(crowded))] for rows in tables]
