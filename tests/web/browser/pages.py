"""What is looked at: every page, and in which ways."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from almaflow.outcome import Status
from almaflow.settings import Settings
from almaflow.settings.serving import PageAddress
from almaflow.store import EntryState, NewNotification, NewSchedule, NewTick, Store, TickEnding
from almaflow.web.server import PageServer
from tests.waits import question
from tests.web.acting import BEGUN
from tests.web.asked_alma import connect_alma
from tests.web.night import ASKS, at, make_night
from tests.web.pages import NOW, SETTINGS, HandClock, Site
from tests.web.played import play_nights
from tests.web.recorded import record_run

PAGES: Mapping[str, str] = {
    "today": "/",
    "runs": "/runs",
    "runs-failed": "/runs?state=failed",
    "run-failed": "/runs/{failed}",
    "run-waiting": "/runs/{person}",
    "run-played": "/runs/{played}",
    "run-compared": "/runs/{played}/compare",
    "workflows": "/workflows",
    "workflow": "/workflows/export-bibs",
    "calendar": "/calendar",
    "calendar-day": "/calendar?day=2026-11-07",
    "notices": "/notices",
    "jobs": "/jobs?text=export",
    "jobs-found": "/jobs?text=export+to",
    "approvals": "/approvals",
    "cancel": "/runs/{running}/cancel",
    "retry": "/runs/{failed}/retry",
    "approve": "/runs/{asking}/approve?step=sign",
    "pause": "/workflows/export-bibs/pause",
    "start": "/workflows/weed-branch/run",
    "start-confirm": "/workflows/export-bibs/run",
    "documentation": "/documentation",
    "handbook": "/documentation/pages/handbook",
    "recipe": "/documentation/pages/recycle-bin",
    "topic": "/documentation/language/submit_job",
    "api": "/documentation/api",
    "not-found": "/no-such-page",
}
"""Addresses by a name for pictures; `{failed}`, `{person}` and `{running}` are ids of runs."""

WIDTHS = (1280, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

# Without these, Chromium speaks to hosts of its maker, and a root user cannot start it.
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",
)


@dataclass(frozen=True)
class Served:
    """A page over a socket, with a night that went wrong."""

    site: Site
    ids: Mapping[str, str]
    address: str
    """Scheme, host and port."""

    def url(self, address: str) -> str:
        """Return the whole address of an entry of `PAGES`."""
        return self.address + address.format(**self.ids)


@contextmanager
def served_night(
    folder: Path, make: Callable[[Site], Mapping[str, str] | None] = make_night
) -> Iterator[Served]:
    """Serve the page of a project in *folder* after a night; *make* records its runs."""
    clock, ids = HandClock(NOW), dict[str, str]()
    if make is make_night:
        # Playwright has an event loop in this thread.
        with ThreadPoolExecutor(1) as other:
            _, ids = other.submit(play_nights, folder).result()
    store = Store.open(f"sqlite:///{folder}/almaflow.db", clock=clock)
    site = Site(store, clock, folder)
    connect_alma(site)
    ids = {**ids, **(make(site) or {})}
    if make is make_night:
        ids["asking"] = add_more(site)
    try:
        with (
            patch.dict(os.environ, NO_SUCH_KEY="a7f3k9d2m5q8w1z6"),
            served_site(site, ids) as served,
        ):
            yield served
    finally:
        store.close()


# A month with something special: a holiday, a pause and a form with every kind of field.
WEEDS = """\
description: Withdraw what nobody has borrowed for years.
inputs:
  branch: {description: Code of the branch library, pattern: "[A-Z]{3}"}
  years: {type: integer, default: 10, minimum: 5, maximum: 50}
  before: {type: date, default: "{{ today }}"}
  kinds: {type: list, default: [BOOK, JOURNAL]}
  mode: {enum: [report, withdraw], default: report}
  notify_branch: {type: boolean, default: true}
schedule: [{cron: "0 6 * * 1-5", except: [closed], inputs: {branch: LAW}}]
steps: [{notify: "{{ inputs.branch }}"}]
"""
CLOSED: Any = {"closed": {"dates": ["2026-11-05"], "country": "CH", "subdivision": "ZH"}}


def add_more(site: Site) -> str:
    """Add what the other pages show: notices, a form, a pause, days off, ticks that passed.

    Returns the id of a run whose step `sign` has really asked a person.
    """
    settings = Settings.model_validate({**SETTINGS, "calendars": CLOSED})
    site.project.settings.calendars.update(settings.calendars)
    (site.folder / "workflows" / "weed-branch.yaml").write_text(WEEDS, "utf-8")
    site.store.pause("weeding-list", by="anna", note="stocktaking", until=at(0, day=6))
    names = ("failed", "late", "delivered")
    notices = [
        NewNotification(
            key=name,
            event="failed",
            workflow="export-bibs",
            run_id=None,
            channel="systems",
            title=f"export-bibs {name}",
            text="Step `export` failed: Alma ended job M44 as COMPLETED_FAILED.",
        )
        for name in names
    ]
    site.store.add_notices(notices)
    kept = {one.title.split()[1]: one.id for one in site.store.notices()}
    site.store.notice_failed(kept["failed"], "The server refused the address.", None)
    site.store.notice_failed(kept["late"], "No answer within 30 s.", at(9))
    process = site.store.enter_process("host", 1, "1")
    site.store.lead(process.id)
    _add_ticks(site, process.id)
    run = record_run(site, 8, workflow="close-period", requested_at=at(8, 25), text=ASKS)
    claim = site.store.claim_run(run, process.id)
    site.store.start_run(claim, NOW, at(20))
    site.store.record(claim, "sign", 1, "begin", EntryState.DONE, value=BEGUN)
    site.store.set_status(claim, Status.WAITING, [question("Close the period of 2026?", "sign")])
    return run


def _add_ticks(site: Site, process_id: str) -> None:
    """Give the ledger the ticks of two days, as a scheduler leaves them."""
    entry = site.app.state.catalog.snapshot(site.project).active["export-bibs"].entries[0]
    new = NewSchedule(workflow="export-bibs", entry=entry.key, timing=entry.to_json())
    site.store.change_schedules(process_id, [new], [], at(0, day=-3))
    (row,) = site.store.schedules()
    endings = (None, TickEnding.MISSED, TickEnding.SKIPPED)
    ticks = [
        NewTick(
            schedule_id=row.id,
            workflow="export-bibs",
            entry=entry.key,
            at=at(2, day=-back),
            starts_at=at(2, day=-back),
            ending=ending,
            cause=None,
            reason="" if ending is None else "The computer was off.",
        )
        for back, ending in enumerate(endings)
    ]
    site.store.materialize(process_id, ticks, {})


@contextmanager
def served_site(site: Site, ids: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Serve a page over a socket."""
    server = PageServer(site.app, PageAddress("127.0.0.1", 0))
    server.start()
    try:
        yield Served(site, ids or {}, f"http://{server.address.netloc}")
    finally:
        server.stop()
