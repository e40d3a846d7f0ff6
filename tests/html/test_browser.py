"""The page in Chromium: no request, no console message, both themes, a narrow window, and without scripts."""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ssd_core.html.page import page, sections
from ssd_core.html.picture import Picture
from ssd_core.html.sources import Sources
from ssd_core.output.table import Table
from ssd_core.results.run import Run
from tests.html.conftest import HOSTILE
from tests.skips import in_report_tests

pytestmark = pytest.mark.skipif(not in_report_tests(), reason="tox -e report-tests has a browser")

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"),
    *("--disable-component-update", "--no-first-run", "--disable-sync", "--disable-default-apps"),
)
NO_JAVASCRIPT = {"profile.managed_default_content_settings.javascript": 2}
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def file(saved_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run with a hostile name."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page([replace(saved_run, path=saved_run.path.parent / quote(HOSTILE, safe="<>()"))], Sources()))
    return path


@pytest.fixture
def opened(file: Path) -> Iterator[Open]:
    """`opened(url)` opens the page, or another one, in a browser of its own."""
    from selenium import webdriver

    drivers: list[Any] = []

    def start(url: str = "", preferences: dict[str, int] | None = None) -> Any:
        options = webdriver.ChromeOptions()
        for option in OPTIONS:
            options.add_argument(option)
        options.add_experimental_option("prefs", preferences or {})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        browser, driver_path = (_found(*names) for names in (("chromium", "google-chrome"), ("chromedriver",)))
        options.binary_location = browser
        driver = webdriver.Chrome(options, webdriver.ChromeService(driver_path))
        drivers.append(driver)
        driver.get(url or file.as_uri())
        return driver

    yield start
    for driver in drivers:
        driver.quit()


def _found(*names: str) -> str:
    """The path of a program; without one the test has failed."""
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.fail(f"there is no {' and no '.join(names)}: apt install chromium chromium-driver")
    return path


def requests(driver: Any) -> list[str]:
    """Every address that the page asked for, with its own."""
    import json

    messages = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]


def elements(driver: Any, selector: str) -> list[Any]:
    found: list[Any] = driver.find_elements("css selector", selector)
    return found


def shown(driver: Any) -> list[bool]:
    """Whether each picture is."""
    return [one.is_displayed() for one in elements(driver, ".pictures figure")]


def test_it_asks_for_nothing_and_says_nothing(opened: Open, file: Path) -> None:
    driver = opened()
    assert [url for url in requests(driver) if not url.startswith("data:")] == [file.as_uri()]
    assert driver.get_log("browser") == []
    assert len(elements(driver, "figure svg")) > 10
    images = elements(driver, ".pictures image")
    assert images
    assert all(image.size["width"] > 0 for image in images)


def test_numbers_are_those_of_the_file(opened: Open, saved_run: Run) -> None:
    driver = opened()
    rows = driver.execute_script(
        "return [...document.querySelectorAll('tr')].map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    for result in saved_run.results:
        if (rate := getattr(result, "images_per_second", None)) is not None:
            title = f"{result.kind} {result.case.id}"
            assert any(row[0].startswith(title) and row[1].startswith(f"{rate:.2f}") for row in rows)
        for name, value in getattr(result, "accuracy", {}).items():
            assert any(row[0] == name and ("" if value < 0 else f"{value:.3f}") in row for row in rows)
    for entry in saved_run.ledger:
        assert [entry["outcome"], entry["subject"], entry["asked"], entry["reason"]] in rows


def test_every_table_is_shown_whole(opened: Open, saved_run: Run) -> None:
    script = """
        const cells = row => [...row.cells].map(cell => cell.textContent.replace(/\\s+/g, ' ').trim());
        return [...document.querySelectorAll('table')].map(table => [...table.rows].map(cells));
    """
    drawn = opened().execute_script(script)
    made = [one for section in sections([saved_run], [""], Sources()) if section.filled for one in section.blocks]
    tables = [one.table if isinstance(one, Picture) else one for one in made if isinstance(one, Table | Picture)]
    expected = [[list(one.header), *map(list, one.rows)] for one in tables if one.rows]
    assert len(expected) > 15
    assert drawn == [[[" ".join(cell.split()) for cell in row] for row in table] for table in expected]


def test_in_print_nothing_is_wider_than_the_page(opened: Open) -> None:
    driver = opened()
    metrics = {"width": 720, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 720
    assert not elements(driver, "nav")[0].is_displayed()


def test_the_filter_shows_pictures_with_a_category(opened: Open) -> None:
    driver = opened()
    assert shown(driver) == [True] * 5
    select = "const select = document.querySelector('#filter select'); select.value = arguments[0];"
    choose = select + "select.dispatchEvent(new Event('change'))"
    driver.execute_script(choose, "person")
    assert sorted(shown(driver)) == [False] * 4 + [True]
    assert elements(driver, "#filter span")[0].text == "1 of 5 pictures"
    hidden = [one for one in elements(driver, '[data-category="car"]') if one.is_displayed()]
    assert hidden == []
    driver.execute_script(choose, "")
    assert shown(driver) == [True] * 5


def test_pointing_at_a_mark_shows_its_numbers(opened: Open) -> None:
    from selenium.webdriver import ActionChains

    driver = opened()
    mark = next(one for one in elements(driver, "#speed figure svg [aria-label]") if "latency" not in one.text)
    ActionChains(driver).scroll_to_element(mark).move_to_element(mark).perform()
    tip = elements(driver, "#tip")[0]
    assert tip.is_displayed()
    assert tip.text == mark.get_attribute("aria-label")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes_have_contrast(opened: Open, theme: str) -> None:
    driver = opened()
    features = [{"name": "prefers-color-scheme", "value": theme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    ink = driver.execute_script("return getComputedStyle(document.body).color")
    text = driver.execute_script("return getComputedStyle(document.querySelector('figure svg text')).fill")
    wanted = {"light": "rgb(0, 0, 0)", "dark": "rgb(255, 255, 255)"}[theme]
    assert (ink, text) == (wanted, wanted)


def test_a_narrow_window_holds_it(opened: Open) -> None:
    driver = opened()
    metrics = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 375
    heights = [one.size["height"] for one in elements(driver, "#speed figure svg text")]
    assert min(heights) >= 9, "the text of charts can be read"


def test_the_keyboard_reaches_tables_links_and_the_filter(opened: Open) -> None:
    driver = opened()
    reached = driver.execute_script(
        "const all = [...document.querySelectorAll('a, select, [tabindex]')];"
        "return all.filter(element => element.tabIndex >= 0).map(element => element.tagName)"
    )
    assert {"A", "SELECT", "DIV"} <= set(reached)
    unreachable = [one for one in elements(driver, ".wide") if one.get_attribute("tabindex") != "0"]
    assert unreachable == []
    unlabelled = [one for one in elements(driver, ".wide, figure > svg") if not one.get_attribute("aria-label")]
    assert unlabelled == []


def test_without_javascript_all_of_it_is_there(opened: Open) -> None:
    driver = opened(preferences=NO_JAVASCRIPT)
    assert elements(driver, "#tip") == []
    assert not elements(driver, "#filter")[0].is_displayed()
    assert all(one.is_displayed() for one in elements(driver, ".pictures figure"))
    assert all(one.is_displayed() for one in elements(driver, "section h2"))


def test_a_hostile_name_stays_text(opened: Open) -> None:
    driver = opened()
    assert quote(HOSTILE, safe="<>()") in elements(driver, "header")[0].text
    assert len(elements(driver, "script")) == 1


class Strict(SimpleHTTPRequestHandler):
    """Forbids all that a policy can forbid."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", "default-src 'none'")
        super().end_headers()

    def log_message(self, *_: object) -> None: ...


def test_under_the_strictest_policy_text_tables_and_charts_stay(opened: Open, file: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Strict, directory=str(file.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        driver = opened(f"http://127.0.0.1:{server.server_port}/{file.name}")
        assert elements(driver, "#tip") == []
        assert all(one.is_displayed() for one in elements(driver, "h2, table, figure > svg"))
        assert len(elements(driver, "figure svg text")) > 20
        assert elements(driver, ".pictures svg rect")[0].is_displayed()
        refused = [entry["message"] for entry in driver.get_log("browser")]
        assert any("script" in message for message in refused)
    finally:
        server.shutdown()
        server.server_close()
