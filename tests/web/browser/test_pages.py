"""Every page, 1280 and 390 pixels wide, light and dark: accessible, quiet, all by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from almaflow.alma.wire import Job
from tests.web.asked_alma import list_in_alma
from tests.web.browser.pages import PAGES, SCHEMES, WIDTHS, Served, served_night
from tests.web.night import HOSTILE, make_hostile_night

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WAYS = list(product(WIDTHS, SCHEMES))
# What a person reaches with the tab key.
REACHABLE = """
() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]'
)].filter(it => !it.disabled && it.checkVisibility()).length
"""
# Where the focus is, and whether a person sees that.
FOCUS = """
() => {
    const it = document.activeElement;
    if (!it || it === document.body) return null;
    const style = getComputedStyle(it);
    const all = [...document.querySelectorAll('*')];
    const seen = (style.outlineStyle !== 'none' && style.outlineWidth !== '0px')
        || style.boxShadow !== 'none';
    return [all.indexOf(it), seen, it.outerHTML.slice(0, 100)];
}
"""


class Visit:
    """A page that is open, and what it asked for and complained about."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page = page
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        self._served = served
        page.on("request", lambda request: self._note(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)

    def _note(self, url: str) -> None:
        if not url.startswith((f"{self._served.address}/", "data:")):
            self.elsewhere.append(url)

    def _hear(self, message: Any) -> None:
        # A page that is not there is one of those that are looked at.
        if message.type in ("error", "warning") and "404 (Not Found)" not in message.text:
            self.complaints.append(message.text)

    def open(self, address: str) -> None:
        self.page.goto(self._served.url(address))


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: f"{way[0]}-{way[1]}")
def visit(request: pytest.FixtureRequest, chromium: Browser, served: Served) -> Iterator[Visit]:
    """A page in one of the ways."""
    width, scheme = request.param
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    yield Visit(context.new_page(), served)
    context.close()


@pytest.fixture(params=PAGES)
def opened(request: pytest.FixtureRequest, visit: Visit) -> Visit:
    """One of the pages, opened."""
    visit.elsewhere.clear()
    visit.complaints.clear()
    visit.open(PAGES[request.param])
    return visit


def test_a_page_is_accessible_quiet_and_fits(opened: Visit) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(opened.page)
    too_wide = opened.page.evaluate("document.documentElement.scrollWidth > innerWidth")

    assert found.violations_count == 0, found.generate_report()
    assert opened.elsewhere == []
    assert opened.complaints == []
    assert not too_wide


def test_everything_is_reached_with_the_keyboard_and_seen_there(opened: Visit) -> None:
    wanted = opened.page.evaluate(REACHABLE)
    # The page may have put the focus into a form; begin at the top.
    opened.page.evaluate("document.activeElement.blur()")
    reached = {}
    for _ in range(wanted + 5):
        opened.page.keyboard.press("Tab")
        focus = opened.page.evaluate(FOCUS)
        if focus is not None:
            reached[focus[0]] = focus

    assert [html for _, seen, html in reached.values() if not seen] == []
    assert len(reached) >= wanted


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_texts_are_texts_and_fit(chromium: Browser, tmp_path: Path, width: int) -> None:
    with served_night(tmp_path, make_hostile_night) as served:
        page = chromium.new_page(viewport={"width": width, "height": 800})
        visit = Visit(page, served)
        page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
        jobs = [Job(HOSTILE, HOSTILE, type="MANUAL", category=HOSTILE, description=HOSTILE)]
        list_in_alma(served.site, jobs, [])
        for address in ("/", "/jobs", "/runs/last"):
            visit.open(address)

            assert page.locator("main img").count() == 0
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), address
            assert (visit.elsewhere, visit.complaints) == ([], [])
        page.close()


def test_a_change_appears_without_a_reload(chromium: Browser, served: Served) -> None:
    from tests.web.night import at
    from tests.web.test_today import ended

    page = chromium.new_page()
    page.goto(served.address)
    page.wait_for_timeout(500)

    ended(served.site, 77, at(7, 30))

    page.get_by_text("13 of 15 runs of the night went well").wait_for(timeout=20_000)
    page.close()


def test_a_step_is_copied_with_a_button_or_selected_with_a_click(
    chromium: Browser, served: Served
) -> None:
    address = served.url(PAGES["jobs-found"])
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(address)
    step = page.locator("pre.pick").first

    page.get_by_role("button", name="Copy as a step").first.click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == step.text_content()
    context.close()

    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.get_by_role("button", name="Copy as a step").count() == 0
    assert page.locator("pre.pick").first.is_visible()
    context.close()
