"""A night that went wrong, for tests of pages and for looking at them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from almaflow.outcome import Outcome, Status
from almaflow.waiting import Waiting, WaitingKind
from tests.web.pages import NOW, Site
from tests.web.recorded import record_run

# 2026-11-03 in Zurich; the night began at 18:00 of the day before.
MIDNIGHT = datetime.fromisoformat("2026-11-03T00:00:00+01:00")

WORKFLOWS = {
    "export-bibs": "0 2 * * *",
    "withdraw-items": "30 2 * * 2",
    "publish-platform": "15 3 * * *",
    "sync-patrons": "0 * * * *",
    "weeding-list": "0 18 * * *",
}

FAILURE = (
    "Step `export` failed: Alma ended job M44 (Export Bibliographic records) as COMPLETED_FAILED; "
    "the counter `c.jobs.bib.failed` is 1,204, at most 0 was expected."
)
ASKS = "steps: [{id: sign, approve: {message: Withdraw 412 items of the branch library?}}]\n"
QUESTION = "Withdraw 412 items of the branch library?"


def at(hour: int, minute: int = 0, *, day: int = 0) -> datetime:
    """Return an instant of the night; the evening before has a negative *day*."""
    return MIDNIGHT + timedelta(days=day, hours=hour, minutes=minute)


def write_workflows(site: Site) -> None:
    """Write the files of the workflows."""
    folder = site.folder / "workflows"
    folder.mkdir(exist_ok=True)
    for name, cron in WORKFLOWS.items():
        folder.joinpath(f"{name}.yaml").write_text(
            f'schedule: [{{cron: "{cron}"}}]\nsteps: [{{wait: 1m}}]\n', "utf-8"
        )


def make_night(site: Site) -> dict[str, str]:
    """Record 13 runs that ended, one that runs and one that waits for a person; return ids."""
    write_workflows(site)
    ids = {}
    for hour in range(8):
        _ended(site, 10 + hour, "sync-patrons", at(hour), 7 + hour % 3)
    _ended(site, 1, "weeding-list", at(18, day=-1), 41)
    ids["failed"] = _ended(site, 2, "export-bibs", at(2), 41, outcome=Outcome.FAILED, error=FAILURE)
    _ended(site, 3, "publish-platform", at(3, 15), 62, outcome=Outcome.WARNING)
    _ended(site, 4, "check-links", at(4), 3)
    _ended(site, 5, "close-period", at(5, 30), 0, outcome=Outcome.SKIPPED)
    waits = Waiting(WaitingKind.PERSON, QUESTION, "sign", at(17))
    ids["person"] = _unfinished(site, 6, "withdraw-items", at(2, 30), waits, text=ASKS)
    job = Waiting(WaitingKind.JOB, "job M157 runs in Alma", "load", status="RUNNING", detail="40 %")
    ids["running"] = _unfinished(site, 7, "load-invoices", at(8, 10), job)
    return ids


# Markup, a command to a terminal, a change of direction, and a word without an end.
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e\u200b'\"&" + "x" * 10_000


def make_hostile_night(site: Site) -> None:
    """Record runs in which every text from outside is hostile."""
    write_workflows(site)
    _ended(site, 1, HOSTILE, at(1), 1, outcome=Outcome.FAILED, error=HOSTILE)
    _ended(site, 2, HOSTILE + "2", at(2), 1)
    person = Waiting(WaitingKind.PERSON, HOSTILE, HOSTILE, at(17))
    _unfinished(site, 3, HOSTILE, at(3), person)
    job = Waiting(WaitingKind.JOB, HOSTILE, HOSTILE, status=HOSTILE, detail=HOSTILE)
    _unfinished(site, 4, HOSTILE, at(4), job)
    site.store.pause(HOSTILE, by=HOSTILE, note=HOSTILE)


def _ended(
    site: Site,
    number: int,
    workflow: str,
    began: datetime,
    minutes: int,
    outcome: Outcome = Outcome.SUCCEEDED,
    **fields: Any,
) -> str:
    return record_run(
        site,
        number,
        workflow=workflow,
        requested_at=began,
        started_at=began,
        ended_at=began + timedelta(minutes=minutes, seconds=12),
        status=Status.FINISHED,
        outcome=outcome,
        trigger="timetable",
        **fields,
    )


def _unfinished(
    site: Site, number: int, workflow: str, began: datetime, wait: Waiting, **fields: Any
) -> str:
    return record_run(
        site,
        number,
        workflow=workflow,
        requested_at=began,
        started_at=began,
        status=Status.WAITING,
        waits=(wait,),
        **fields,
    )


assert at(8, 30) == NOW
