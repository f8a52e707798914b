"""A page on which people act: a project with a workflow, a leader, and runs in every state."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.store import EntryState, NewSchedule, Store
from almaflow.timetable_entries import entries_of
from tests.waits import question
from tests.web.pages import NOW, Site, site_in

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


BEGUN = {"if": True, "now": NOW.isoformat(), "institution": "main"}


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


def queued(site: Site) -> str:
    """Start a run on the page, and return its id."""
    address, form = "/workflows/nightly/run", {"input.name": "abc"}
    key = hidden(site.client.post(address, data=form).text, "key")
    answer = site.client.post(address, data=form | {"key": key, "go": "start"})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/runs/")


def begun(site: Site) -> tuple[str, Any]:
    """Return a run that a process executes, and its claim."""
    run = queued(site)
    claim = site.store.claim_run(run, site.store.enter_process("shelf", 1, "0").id)
    site.store.start_run(claim, NOW, NOW + timedelta(days=1))
    site.store.record(claim, "one", 1, "begin", EntryState.DONE, value=BEGUN)
    return run, claim


def asking(site: Site, text: str = "Delete <b>all</b>?") -> str:
    """Return a run whose step `sign` waits for a person."""
    run, claim = begun(site)
    site.store.record(claim, "sign", 1, "begin", EntryState.DONE, value=BEGUN)
    site.store.set_status(claim, Status.WAITING, [question(text, "sign")])
    return run


def failed(site: Site) -> str:
    """Return a run whose second step failed."""
    run, claim = begun(site)
    ends = {"one": "succeeded", "sign": "failed"}
    site.store.record(claim, "sign", 1, "begin", EntryState.DONE, value=BEGUN)
    for path, outcome in ends.items():
        value = {"outcome": outcome, "error": "", "facts": {}}
        site.store.record(claim, path, 1, "end", EntryState.DONE, value=value)
    site.store.finish_run(claim, Outcome.FAILED, "No.")
    return run


def activate(site: Site) -> None:
    """Let the leader keep the timetable of the workflow."""
    active = site.app.state.catalog.workflow(site.project, "nightly")
    new = [
        NewSchedule(workflow="nightly", entry=one.key, timing=one.to_json())
        for one in entries_of("nightly", active.loaded.workflow, site.project)
    ]
    leader = site.store.leader()
    assert leader is not None
    site.store.change_schedules(leader.id, new, [], NOW)
