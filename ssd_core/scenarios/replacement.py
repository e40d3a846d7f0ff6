"""What replacing a graph's post-processing changed on the images of an accuracy case."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

LEAST_AGREEMENT = 0.99
LARGEST_AP_CHANGE = 0.001


@dataclass(frozen=True)
class Change:
    """What became of the detections of a graph's own post-processing: the share that is just alike, and the AP."""

    agreement: float
    ap_before: float
    ap_after: float

    def as_json(self) -> dict[str, float]:
        """What is kept of it in a result."""
        return asdict(self)


def describe(change: Mapping[str, float]) -> str:
    """A result's change as a sentence; it begins in capitals where the detections are not kept."""
    found = Change(**change)
    kept = found.agreement >= LEAST_AGREEMENT and abs(found.ap_after - found.ap_before) <= LARGEST_AP_CHANGE
    told = (
        f"{found.agreement:.2%} of the detections are those of the graph's own post-processing, AP {found.ap_after:.4f}"
        f" for its {found.ap_before:.4f}"
    )
    return f"with --postprocess fast {told}" if kept else f"OTHER DETECTIONS, leave --postprocess fast out: {told}"
