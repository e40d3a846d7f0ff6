"""Charts: SVG that suits both themes, with a label on each mark, and nothing that loads or runs."""

import builtins
import re
from typing import Any

import pytest

from ssd_core.errors import UserError
from ssd_core.html import chart as module
from ssd_core.html import intervals
from ssd_core.html.chart import altair
from ssd_core.html.intervals import Value


def drawing(*values: Value) -> str:
    return intervals.chart(list(values), "Caption", "ms").svg


def test_a_mark_says_its_numbers() -> None:
    svg = drawing(Value("latency int8", "int8", 2.0, 1.5, 2.5), Value("latency fp32", "fp32", 8.0, 8.0, 8.0))
    assert 'aria-label="latency int8: 2.00 [1.50, 2.50]"' in svg
    assert 'aria-label="latency fp32: 8.00"' in svg


def test_a_chart_is_text_and_shapes_alone() -> None:
    svg = drawing(Value("<script>x</script>", "int8", 2.0, 1.5, 2.5))
    assert not re.search(r"<(script|style|image|foreignObject|a)\b|\bstyle=|href", svg)
    assert "&lt;script&gt;x" in svg
    assert 'role="img"' in svg.split(">")[0]


def test_its_ink_is_the_pages() -> None:
    svg = drawing(Value("one", "int8", 2.0, 1.5, 2.5))
    colours = set(re.findall(r'(?:fill|stroke)="(#\w+|black|white)"', svg))
    assert colours <= {module.PRECISIONS["int8"]}
    assert "currentColor" in svg


def test_without_the_extra_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "vl_convert":
            raise ImportError(f"no {name}")
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=r"is not complete \(no vl_convert\): run `pip install -e '\.\[report\]'`"):
        altair()
