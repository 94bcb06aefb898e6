"""Reports in a real browser: they ask for nothing, and the slider moves all."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def opened(browser: Any, page: Path) -> Any:
    """The browser, with a report that was just opened."""
    theme(browser, "light")
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(page.as_uri())
    return browser


def theme(browser: Any, name: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": name}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


SHOWN = """
const fills = [...document.querySelectorAll("#wiring circle")].map((c) => c.style.fill);
return {
  step: +document.getElementById("step").value,
  film: document.getElementById("film").src,
  neurons: fills.join(),
  said: document.getElementById("said").textContent,
  cursor: document.getElementById("cursor").style.left,
};
"""


def shown(browser: Any) -> dict[str, Any]:
    found: dict[str, Any] = browser.execute_script(SHOWN)
    return found


def press(browser: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def assert_quiet(browser: Any, page: Path) -> None:
    """Sees that the console is empty and that only the page itself was asked for."""
    assert browser.get_log("browser") == []
    events = [
        json.loads(e["message"])["message"] for e in browser.get_log("performance")
    ]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert {url for url in asked if not url.startswith("data:")} == {page.as_uri()}


def test_slider_moves_film_and_wiring(opened: Any, page: Path) -> None:
    before = shown(opened)
    assert before["step"] == 0
    assert before["neurons"].count("rgb") > 2
    opened.execute_script(
        "const slider = document.getElementById('step');"
        "slider.value = 5; slider.dispatchEvent(new Event('input'));"
    )
    after = shown(opened)
    assert after["step"] == 5
    assert "step 6" in after["said"]
    for part in ("neurons", "said", "cursor"):
        assert after[part] != before[part]
    if before["film"]:  # of an environment that renders here
        assert after["film"] != before["film"]
        assert after["film"].startswith("data:image/webp;base64,")
    assert_quiet(opened, page)


def test_keys_go_step_by_step_and_play(opened: Any, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.wait import WebDriverWait

    press(opened, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert shown(opened)["step"] == 1
    press(opened, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert shown(opened)["step"] == 0
    slider = opened.find_element("id", "step")
    slider.send_keys(Keys.ARROW_RIGHT)  # once, not by the slider as well
    assert shown(opened)["step"] == 1
    play = opened.find_element("id", "play")
    press(opened, " ")  # plays to the end and stops there
    last = int(slider.get_attribute("max"))
    WebDriverWait(opened, 60).until(lambda b: shown(b)["step"] == last)
    assert play.text == "Play"
    press(opened, " ")  # from the start again
    WebDriverWait(opened, 60).until(lambda b: play.text == "Play")
    assert shown(opened)["step"] == last
    assert_quiet(opened, page)


def test_labels_of_the_map_stand_apart_and_beside_it(opened: Any) -> None:
    places = opened.execute_script(
        "return [...document.querySelectorAll('#labels span, #map')]"
        ".map((each) => each.getBoundingClientRect())"
        ".map((box) => [box.top, box.bottom]);"
    )
    *labels, (top, bottom) = places
    assert len(labels) in (2, 4)  # of a network with neurons of others, two
    edges = [top, *(edge for label in labels for edge in label), bottom]
    assert all(a <= b + 0.5 for a, b in pairwise(edges))


def test_dark_and_light_differ_and_narrow_pages_fit(opened: Any, page: Path) -> None:
    from selenium.webdriver.support.wait import WebDriverWait

    color = "return getComputedStyle(document.body).backgroundColor"
    light, neurons = opened.execute_script(color), shown(opened)["neurons"]
    theme(opened, "dark")
    assert opened.execute_script(color) != light
    WebDriverWait(opened, 60).until(lambda b: shown(b)["neurons"] != neurons)
    opened.set_window_size(500, 900)
    wide = opened.execute_script("return document.documentElement.scrollWidth")
    assert wide <= opened.execute_script("return window.innerWidth")
    opened.set_window_size(1280, 1000)
    assert_quiet(opened, page)


def test_names_run_no_script(opened: Any) -> None:
    assert opened.execute_script("return window.evil") is None
    assert opened.execute_script("return document.scripts.length") == 2
