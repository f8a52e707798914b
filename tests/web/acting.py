"""A page on which people act: a project with a workflow, a leader, and runs in every state."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from almaflow.store import Store
from tests.web.pages import Site, site_in

BY = "anna via the page"
KEY = "a7f3k9d2m5q8w1z6"
HOSTILE = "<script>alert(1)</script>\u202eevil\x1b[31m" + "x" * 10_000

WORKFLOW = """\
description: Export the records
schedule: [{id: night, cron: "30 2 * * *", inputs: {name: x}}]
inputs:
  name: {description: A name, pattern: "[a-z]+"}
  count: {type: integer, default: 3, minimum: 1, maximum: 10}
  day: {type: date, default: "{{ today }}"}
  kinds: {type: list, default: [a, b]}
  colour: {enum: [red, "<b>"], default: red}
  loud: {type: boolean, default: false}
  text: {default: ""}
steps:
  - {id: one, notify: hi}
  - {id: sign, approve: "Delete <b>all</b> items?"}
"""


def acting_site(folder: Path, monkeypatch: pytest.MonkeyPatch, workflow: str = WORKFLOW) -> Site:
    """Return a page whose process leads, with one workflow."""
    monkeypatch.setenv("NO_SUCH_KEY", KEY)
    (folder / "workflows").mkdir()
    (folder / "workflows" / "nightly.yaml").write_text(workflow, encoding="utf-8")
    site = site_in(folder)
    lead(site.store)
    return site


def lead(store: Store) -> str:
    """Let a process of the store lead, and return its id."""
    process = store.enter_process("shelf", 4711, "0")
    assert store.lead(process.id) is None
    return process.id


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{re.escape(name)}" value="([^"]*)">', page)
    assert found is not None, page
    return found[1]


def main_of(page: str) -> str:
    """Return what is special about a page."""
    return page[page.index("<main") : page.index("</main>")]


def log_of(site: Site, run_id: str) -> list[str]:
    """Return the lines of a run's log that people asked for."""
    return [one.text for one in site.store.events(run_id) if one.data and "asked" in one.data]
