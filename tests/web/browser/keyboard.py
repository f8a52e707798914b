"""A person who uses a page with the keyboard only: Tab, arrows, Space, Enter and typing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# More than any page of these tests has.
_STOPS = 80
# What a screen reader calls the element that has the focus.
_NAME = """
() => {
    const it = document.activeElement;
    if (!it || it === document.body) return "";
    const text = it.getAttribute("aria-label")
        || (it.labels && it.labels.length ? it.labels[0].innerText : "") || it.innerText || "";
    return text.replace(/\\s+/g, " ").trim();
}
"""


class Keyboard:
    """The keyboard in front of *page*."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def focus(self) -> str:
        """The name of what has the focus; empty when nothing has it."""
        return str(self.page.evaluate(_NAME))

    def go_to(self, name: str) -> None:
        """Press Tab until the focus is on what is called *name*."""
        passed = []
        for _ in range(_STOPS):
            self.page.keyboard.press("Tab")
            passed.append(self.focus)
            if passed[-1] in (name, f"{name} (required)"):
                return
        raise AssertionError(f"Tab does not reach {name!r}, only {passed}")

    def write(self, label: str, text: str) -> None:
        """Replace what is in a field."""
        self.go_to(label)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(text)

    def choose(self, option: str) -> None:
        """Choose the radio button whose label begins so; Tab reaches only one of them."""
        while self.page.evaluate("document.activeElement.type") != "radio":
            self.page.keyboard.press("Tab")
        for _ in range(_STOPS):
            if self.focus.startswith(option):
                self.page.keyboard.press("Space")
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"There is no {option!r}")

    def press(self, name: str) -> None:
        """Follow a link or press a button, and wait for the page that it leads to."""
        self.go_to(name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def main(self) -> str:
        """Return what the page says."""
        return self.page.locator("main").inner_text()
