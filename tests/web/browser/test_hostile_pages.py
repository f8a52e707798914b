"""Every page with hostile texts in every field, in Chromium: nothing runs, and everything fits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.browser.pages import WIDTHS, served_night
from tests.web.pages import Site
from tests.web.test_hostile_texts import Hostile

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_runs_a_hostile_text_or_scrolls_sideways(
    chromium: Browser, tmp_path: Path, width: int
) -> None:
    hostile: list[Hostile] = []

    def make(site: Site) -> None:
        hostile.append(Hostile(site))

    with served_night(tmp_path, make) as served:
        page = chromium.new_page(viewport={"width": width, "height": 800})
        faults: list[tuple[str, str]] = []
        page.on("dialog", lambda dialog: faults.append((dialog.message, page.url)))
        page.on("pageerror", lambda error: faults.append((str(error), page.url)))
        for address in hostile[0].addresses():
            if address.startswith("/api/"):
                continue
            page.goto(served.address + address)
            page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
            if page.evaluate(TOO_WIDE):
                faults.append(("too wide", address[:100]))
            if page.locator("img[src=x], main script").count():
                faults.append(("markup", address[:100]))
        page.close()

    assert not faults, faults
