"""Journals written by hand: what a process would have recorded, without a process."""

from __future__ import annotations

import textwrap
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from almaflow.runs.step_tree import CalledWorkflow, StepTree
from almaflow.settings import Project, Settings
from almaflow.store import EntryState, JournalEntry
from almaflow.workflow import Workflow
from almaflow.workflow_loader import load_text
from tests.harness import START

PROJECT = Project(Path("/nowhere"), Settings(), None)


def workflow(text: str) -> Workflow:
    return load_text(textwrap.dedent(text), "test.yaml").workflow


def step_tree(text: str, **called: str) -> StepTree:
    """Return the outline of a workflow; *called* are the texts of those that it calls."""
    calls = {name: CalledWorkflow(workflow(one)) for name, one in called.items()}
    return StepTree(CalledWorkflow(workflow(text), calls))


def after(**duration: float) -> datetime:
    """Return an instant so long after the start."""
    return START + timedelta(**duration)


def entry(path: str, attempt: int, effect: str, value: Any, **more: Any) -> JournalEntry:
    """Return an entry; without more it is done, at the start."""
    told: dict[str, Any] = {"state": EntryState.DONE, "request_hash": "", "sends": 0}
    told |= {"created_at": START, "changed_at": START, "epoch": 1} | more
    return JournalEntry("r", path, attempt, effect, value=value, **told)


def step(
    path: str,
    ended: str = "succeeded",
    *,
    attempt: int = 1,
    began_at: datetime = START,
    error: str = "",
    **more: Any,
) -> list[JournalEntry]:
    """Return what the journal has of an attempt; *ended* is an outcome, `if`, or empty.

    `if`: it was skipped by its own; empty: it has not ended. It takes a minute.
    """
    begin = {"now": began_at.isoformat(), "if": ended != "if", "institution": "main", "error": ""}
    entries = [entry(path, attempt, "begin", begin, created_at=began_at)]
    if not ended:
        return entries
    outcome = "skipped" if ended == "if" else ended
    ended_at = began_at + timedelta(minutes=1)
    facts: dict[str, Any] = {"outcome": outcome, "error": error, "attempts": attempt}
    if ended != "if":
        facts |= {"started_at": began_at.isoformat(), "ended_at": ended_at.isoformat()}
        facts["seconds"] = 60.0
    facts |= more.pop("facts", {})
    value = {"outcome": outcome, "error": error, "ends": None, "facts": facts, **more}
    return [*entries, entry(path, attempt, "end", value, created_at=ended_at)]


def sent(
    path: str,
    state: EntryState,
    *,
    attempt: int = 1,
    effect: str = "submit",
    result: Any = "4711",
    changed_at: datetime = START,
    **more: Any,
) -> JournalEntry:
    """Return a submission of job M48 with the set 59."""
    parameters = [{"name": {"value": "set_id"}, "value": "59"}]
    request = {"method": "POST", "path": "/conf/jobs/M48", "query": [["op", "run"]]}
    value = {
        "name": "submit job M48",
        "request": {**request, "body": {"parameter": parameters}},
        "institution": "main",
        "sent_at": START.isoformat(),
        "repeatable": False,
        "error": "",
        "result": result if state is EntryState.DONE else None,
        **more,
    }
    return entry(
        path, attempt, effect, value, state=state, request_hash="abc", sends=1,
        changed_at=changed_at,
    )  # fmt: skip
