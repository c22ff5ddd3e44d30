"""The page in a browser: nothing is asked for, nothing fails, nothing is wider than a phone."""

import pytest
from browser import chromium, opened
from reported import report_in

PATH = chromium()
WIDTHS = (360, 390, 768, 1280)

pytestmark = pytest.mark.skipif(
    PATH is None, reason="no Chromium: install chromium, or google-chrome, to look at the page"
)


def test_the_page_in_a_browser(tmp_path, run_folders):
    page = tmp_path / "report.html"
    page.write_text(report_in(run_folders).page, encoding="utf-8")
    with opened(PATH, tmp_path / "profile") as browser:
        for width in WIDTHS:
            browser.width(width)
            browser.open(page.as_uri())
            assert browser.value("document.documentElement.scrollWidth") <= width
            assert browser.value(
                "[...document.querySelectorAll('header .wide')]"
                ".every(each => each.scrollWidth <= each.clientWidth)"
            )
            sizes = browser.value(
                "[...document.querySelectorAll('figure svg')].map(each => each.clientWidth)"
            )
            assert min(sizes) > 300
        assert set(browser.requests) == {page.as_uri()}
        assert browser.errors == []
        browser.press("Tab")
        assert browser.value("document.activeElement.textContent") == "Skip to the figures"
        assert browser.value("document.activeElement.getBoundingClientRect().top") >= 0
        browser.press("Enter")
        assert browser.value("location.hash") == "#precision-panel"
        names = named_pictures(browser)
        assert len(names) == len(sizes)
        assert all(len(name) > 20 for name in names)


def named_pictures(browser):
    """What a screen reader says of each figure."""
    nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
    return [node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == "image"]
