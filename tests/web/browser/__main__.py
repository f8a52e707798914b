"""Pictures of every page: `python -m tests.web.browser FOLDER [NAME…]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.web.browser.conftest import CHROMIUM
from tests.web.browser.pages import ARGUMENTS, PAGES, SCHEMES, WIDTHS, served_night


def take_pictures(folder: Path, names: list[str]) -> None:
    """Write `NAME-WIDTH-SCHEME.png` for every page, or for those that are named."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as project,
        served_night(Path(project)) as served,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for width in WIDTHS:
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": 800}, color_scheme=scheme
                )
                page = context.new_page()
                for name in names or PAGES:
                    page.goto(served.url(PAGES[name]))
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
                context.close()
        browser.close()


if __name__ == "__main__":
    take_pictures(Path(sys.argv[1]), sys.argv[2:])
