"""The page: it says what the files hold, in its order, and needs nothing from anywhere."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from ssd_core.errors import UserError
from ssd_core.html import pictures
from ssd_core.html.page import page
from ssd_core.html.sources import Sources
from ssd_core.results.run import Run, read_run
from ssd_core.results.schema import AccuracyResult, ProfileResult
from tests.html.conftest import HOSTILE, LEDGER, results, series, write

ORDER = [
    *(
        "verdicts",
        "machine",
        "speed",
        "distribution",
        "series",
        "server",
        "tuning",
        "profile",
        "peers",
        "accuracy",
        "pictures",
    ),
    *("input", "figures", "settings"),
]
MOST_BYTES = 3_000_000


class Outline(HTMLParser):
    """The sections, the tables' cells, and whatever could load or run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.rows: list[list[str]] = []
        self.loads: list[str] = []
        self.scripts = 0
        self.styles: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "section" and "id" in attributes:
            self.sections.append(attributes["id"])
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.scripts += tag == "script"
        self.loads += [v for k, v in attributes.items() if k in ("src", "href", "xlink:href") and not v.startswith("#")]
        self.styles += [attributes["style"]] if "style" in attributes else []

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and self.lasttag in ("td", "th"):
            self.rows[-1][-1] += data.strip()


@pytest.fixture(scope="module")
def text(saved_run: Run) -> str:
    return page([saved_run], Sources())


def test_every_section_is_there_in_its_order(text: str) -> None:
    assert Outline(text).sections == ORDER
    assert "Left out" not in text
    assert len(text.encode()) < MOST_BYTES


def test_it_loads_nothing(text: str) -> None:
    outline = Outline(text)
    assert outline.loads
    assert [one for one in outline.loads if not one.startswith("data:")] == []
    assert outline.scripts == 1
    assert outline.styles == []
    assert not re.search(r"@import|url\(", text)
    assert re.findall(r"https?://[^\"'\s<]+", text.replace("http://www.w3.org/", "")) == []


def test_what_failed_comes_first(text: str) -> None:
    rows = Outline(text).rows
    head = rows.index(["outcome", "case", "asked", "figures"])
    assert [row[0] for row in rows[head + 1 : head + 1 + len(LEDGER)]] == ["broken", "kept"]


def test_figures_are_those_of_the_file(text: str, saved_run: Run) -> None:
    rows = Outline(text).rows
    for result in saved_run.results:
        numbers = getattr(result, "accuracy", {})
        for name, value in numbers.items():
            assert any(row[0] == name and ("" if value < 0 else f"{value:.3f}") in row for row in rows)
        if (rate := getattr(result, "images_per_second", None)) is not None:
            title = f"{result.kind} {result.case.id}"
            assert any(row[0].startswith(title) and row[1].startswith(f"{rate:.2f}") for row in rows)


def test_figures_of_every_kind_are_those_of_the_file(text: str, saved: Path) -> None:
    """Read from the JSON itself, and formatted here."""
    cells = [cell for row in Outline(text).rows for cell in row]
    infos = [one["extra_info"] for one in json.loads(saved.read_text())["benchmarks"]]
    of_kind = {info["kind"]: info for info in infos}
    latency = [info for info in infos if info["kind"] == "latency"]
    expected = [f"{value:.2f}" for info in latency for name, value in info["latency_ms"].items() if name[0] == "p"]
    expected += [f"{one['images_per_second']:.2f}" for info in infos for one in info.get("tuning", ())]
    expected += [f"{layer['time_ms']:.3f}" for layer in of_kind["profile"]["layers"] if layer["kind"] == "convolution"]
    expected += [f"{point['tail_ms']:.2f}" for point in of_kind["server"]["points"]]
    loadgen = of_kind["loadgen"]["rows"][0]["loadgen"]
    expected.append(f"{loadgen['value']:.2f} [{loadgen['low']:.2f} to {loadgen['high']:.2f}]")
    ratio = of_kind["peers"]["peers"]["ratios"]["openvino"]
    expected.append(f"{ratio['ratio']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f})")
    assert len(expected) > 10
    assert [one for one in expected if one not in cells] == []


def test_what_a_file_holds_is_text(text: str, saved_run: Run) -> None:
    assert "Example &lt;b&gt;9000&lt;/b&gt;" in text
    assert "p99 is &lt;1&gt; ms" in text
    hostile = page([replace(saved_run, path=saved_run.path.parent / HOSTILE, results=saved_run.results[:1])], Sources())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;x.jpg" in hostile
    assert "<script>alert" not in hostile


def test_sections_without_data_are_listed_at_the_end(tmp_path: Path) -> None:
    path = write(tmp_path / "run.json", [series("int8", "latency")])
    text = page([read_run(path)], Sources())
    assert Outline(text).sections == ["verdicts", "machine", "speed", "distribution", "series", "figures", "settings"]
    left_out = text.split("Left out")[1]
    for title in ("The search of tuned cases", "Other runtimes", "Accuracy on COCO", "Detections on pictures"):
        assert f"<li>{title}: no data</li>" in left_out


def test_several_runs_are_compared_with_the_first(tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"{name}.json", results(seed)) for name, seed in (("one", 1), ("two", 2)))
    text = page([read_run(one), read_run(two)], Sources())
    assert "no change shown" in text
    assert "Change from the first run" in text
    assert "A: " in text
    assert "B: " in text


def test_tables_of_several_runs_say_which_run_they_are_of(tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"{name}.json", results(seed)) for name, seed in (("one", 1), ("two", 2)))
    rows = Outline(page([read_run(one), read_run(two)], Sources())).rows
    for title in (
        "case",
        "tuning",
        "profile int8-batch8-intra2",
        "compared with other runtimes",
        "times as fast as fp32",
    ):
        assert {f"{title} (A)", f"{title} (B)"} <= {row[0] for row in rows}, title


def test_names_that_no_page_can_hold_are_replaced(saved_run: Run, tmp_path: Path) -> None:
    odd = "layer\x00\x1b\ud800"
    profiles = [one for one in saved_run.results if isinstance(one, ProfileResult)]
    layers = [replace(row, name=odd) for row in profiles[0].layers]
    changed = msgspec.structs.replace(profiles[0], layers=layers)
    text = page([replace(saved_run, path=tmp_path / f"{odd}.json", results=(changed,))], Sources())
    text.encode()
    assert "layer\ufffd\ufffd\ufffd" in text
    assert "\x00" not in text


def test_a_machine_that_is_not_described_has_no_warnings(saved_run: Run) -> None:
    for identity in ({}, {**saved_run.identity, "cpus": "two"}, {**saved_run.identity, "cpus": 0}):
        text = page([replace(saved_run, identity=identity)], Sources())
        assert "what would make figures noisy" not in text
    assert "what would make figures noisy" in page([saved_run], Sources())


def test_a_run_of_accuracy_alone_has_no_speed(saved_run: Run) -> None:
    alone = [one for one in saved_run.results if isinstance(one, AccuracyResult)]
    sections = Outline(page([replace(saved_run, results=tuple(alone))], Sources())).sections
    assert "speed" not in sections
    assert "accuracy" in sections


def test_a_damaged_record_leaves_the_pictures_out(
    saved_run: Run, noise_records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_: object) -> None:
        raise UserError("Record 3 of val is corrupt.")

    monkeypatch.setattr(pictures, "stored_images", damaged)
    text = page([saved_run], Sources())
    assert "<li>Detections on pictures: Record 3 of val is corrupt.</li>" in text
    with pytest.raises(UserError, match="Record 3"):
        page([saved_run], Sources(data=noise_records, required=True))


def test_unlike_machines_stand_side_by_side(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", results(1))
    two = write(tmp_path / "two.json", results(2), identity={"cpu_model": "Other 1"})
    text = page([read_run(one), read_run(two)], Sources())
    assert ["cpu model", "Example <b>9000</b>", "Other 1"] in Outline(text).rows
    assert "Change from the first run" not in text, "times do not compare"


def test_detections_that_are_gone_are_said(saved_run: Run, tmp_path: Path) -> None:
    moved = replace(saved_run, path=tmp_path / "moved.json")
    text = page([moved], Sources())
    assert "pictures" not in Outline(text).sections
    assert "Detections on pictures: The detections" in text
    with pytest.raises(UserError, match="cannot be read"):
        page([moved], Sources(detections=tmp_path, required=True))
