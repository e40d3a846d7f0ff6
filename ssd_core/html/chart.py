"""Chart: one figure as SVG, drawn by Altair without a network.

The SVG has no script, style or outside reference. Its text takes the page's colour, so that it suits both themes. Each
mark has an `aria-label`, which the page shows on hovering: its numbers, or the name of a curve.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ssd_core.errors import UserError

INK = "currentColor"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito: for all colour vision
PRECISIONS = {"fp32": COLOURS[0], "int8": COLOURS[1], "bf16": COLOURS[3]}
OTHER = "#888888"
WIDTH = 640
_INKED = dict.fromkeys(("labelColor", "titleColor", "tickColor", "domainColor", "gridColor"), INK)
_TEXT = {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12, "labelLimit": 400}
_CONFIG: dict[str, Any] = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {**_TEXT, **_INKED, "gridOpacity": 0.15, "titleFontWeight": "normal", "aria": False},
    "legend": {**_TEXT, "titleFontWeight": "normal", "aria": False},
    "text": {"color": INK},
}
_UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_SIZE = re.compile(r' width="([\d.]+)" height="([\d.]+)"')

Row = dict[str, Any]
"""One mark's data by field; `said` is what its label says."""


@dataclass(frozen=True)
class Chart:
    """An SVG with its caption. The SVG's own label says what it shows, for those who do not see it."""

    caption: str
    svg: str


def altair() -> Any:
    """The module that draws; UserError if a package of the extra is missing."""
    try:
        import altair
        import hotcoco  # noqa: F401
        import jinja2  # noqa: F401
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"A report needs the extra `report`, which is not complete ({error}):"
            " run `pip install -e '.[report]'` in the clone."
        ) from error
    return altair


def drawn(chart: Any, caption: str, description: str) -> Chart:
    """The chart of an Altair specification."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg({**_cleaned(chart.to_dict(validate=False)), "config": _CONFIG})
    label = escape(clean(f"{caption}: {description}"), quote=True)
    return Chart(caption, _SIZE.sub(lambda size: f'{size[0]} role="img" aria-label="{label}"', svg, count=1))


def clean(text: str) -> str:
    """Text without what neither XML nor UTF-8 can hold: control characters, and bytes that are not UTF-8."""
    return _UNSAYABLE.sub("\ufffd", text)


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cleaned(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(one) for one in value]
    return clean(value) if isinstance(value, str) else value


def data(rows: Sequence[Row]) -> Any:
    """Rows for a chart, within it."""
    return altair().Data(values=list(rows))


def by_precision(rows: Sequence[Row], title: str | None = None) -> Any:
    """The colours of the precisions that the rows have; a legend if there are several."""
    alt = altair()
    there = list(dict.fromkeys(row["precision"] for row in rows))
    scale = alt.Scale(domain=there, range=[PRECISIONS.get(name, OTHER) for name in there])
    legend = alt.Legend(title=title, symbolOpacity=1) if len(there) > 1 else None
    return alt.Color("precision:N", scale=scale, legend=legend)
