"""Who is notified of what: from events to notifications for the outbox.

Pure: what is returned is recorded by the caller, best in the transaction of what it is about. A
key names what a notice is about, so that each channel gets it once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from almaflow.scheduler.notifications import messages
from almaflow.scheduler.notifications.messages import NotificationText
from almaflow.settings import Settings
from almaflow.store import RunRecord
from almaflow.store.schedule_records import (
    NewNotification,
    SchedulePause,
    Tick,
    TickEnd,
    TickEnding,
)
from almaflow.workflow import Workflow

LATE = timedelta(minutes=5)
"""How late a tick may begin before it is notified."""


def channels_of(workflow: Workflow | None, event: str) -> list[str]:
    """Return the channels that a workflow's `notify` names for an event, each once."""
    asked = [] if workflow is None else workflow.notify
    return list(dict.fromkeys(one.to for one in asked if event in one.on))


def to_channels(
    channels: Iterable[str],
    key: str,
    event: str,
    message: NotificationText,
    *,
    workflow: str = "",
    run_id: str | None = None,
) -> list[NewNotification]:
    """Return the notice for each of *channels*."""
    return [
        NewNotification(
            key=key,
            event=event,
            workflow=workflow,
            run_id=run_id,
            channel=channel,
            title=message.title,
            text=message.text,
        )
        for channel in channels
    ]


# --- ticks ----------------------------------------------------------------------------------------


def notices_for_ticks(
    ended: Iterable[tuple[Tick, TickEnd]],
    begun: Iterable[tuple[Tick, RunRecord]],
    workflows: Mapping[str, Workflow],
    settings: Settings,
) -> list[NewNotification]:
    """Return the notices about ticks that were missed, or became runs late.

    Those of one workflow that were found together make one notice. Of missed ones hears
    `serve.to` when the workflow's `notify` names nobody.
    """
    missed = [(tick, end) for tick, end in ended if end.ending is TickEnding.MISSED]
    late = [(tick, run) for tick, run in begun if run.requested_at - tick.starts_at > LATE]
    notices: list[NewNotification] = []
    for name in dict.fromkeys(tick.workflow for tick, _ in missed):
        workflow = workflows.get(name)
        channels = channels_of(workflow, "missed") or _to_service(settings)
        of_name = sorted((one for one in missed if one[0].workflow == name), key=_instant)
        message = messages.missed(name, of_name, _zone(workflow, settings))
        key = _key("missed", of_name[-1][0])
        notices += to_channels(channels, key, "missed", message, workflow=name)
    for name in dict.fromkeys(tick.workflow for tick, _ in late):
        workflow = workflows.get(name)
        runs = sorted((one for one in late if one[0].workflow == name), key=_instant)
        message = messages.late(name, runs, _zone(workflow, settings))
        tick, run = runs[-1]
        notices += to_channels(
            channels_of(workflow, "late"),
            _key("late", tick),
            "late",
            message,
            workflow=name,
            run_id=run.id,
        )
    return notices


def _instant(pair: tuple[Tick, TickEnd | RunRecord]) -> tuple[datetime, str]:
    tick = pair[0]
    return tick.at, tick.entry


def _key(event: str, newest: Tick) -> str:
    return f"{event}/{newest.workflow}/{newest.entry}/{newest.at:%Y-%m-%dT%H:%M:%SZ}"


def _zone(workflow: Workflow | None, settings: Settings) -> tzinfo:
    named = workflow.timezone if workflow is not None else None
    return ZoneInfo(named or settings.timezone)


# --- the service itself ---------------------------------------------------------------------------


def about_file(
    path: str, problem: str, settings: Settings, at: datetime, *, stands: bool
) -> list[NewNotification]:
    """Return the notice about a file as it is after an edit; *problem* is empty when it is valid.

    With *stands*, the last valid version stays active. One problem of a file is reported once a
    day; a restart does not repeat it.
    """
    if not problem:
        key = f"valid/{path}/{at:%Y-%m-%dT%H:%M:%SZ}"
        return to_channels(_to_service(settings), key, "valid", messages.file_valid(path))
    day = at.astimezone(ZoneInfo(settings.timezone)).date()
    key = f"invalid/{path}/{_digest(problem)}/{day}"
    message = messages.file_invalid(path, problem, stands=stands)
    return to_channels(_to_service(settings), key, "invalid", message)


def about_pause(
    pause: SchedulePause, run: RunRecord, workflow: Workflow | None, settings: Settings
) -> list[NewNotification]:
    """Return the notice that a timetable was paused automatically after *run*.

    It goes to `serve.to` and to the recipients of the workflow's failures.
    """
    channels = dict.fromkeys([*_to_service(settings), *channels_of(workflow, "failed")])
    key = f"paused/{pause.workflow}/{pause.since:%Y-%m-%dT%H:%M:%SZ}"
    message = messages.paused(pause, run)
    return to_channels(channels, key, "paused", message, workflow=pause.workflow, run_id=run.id)


def about_clock(text: str, settings: Settings, at: datetime) -> list[NewNotification]:
    """Return the notice that the clock was set."""
    key = f"clock/{at:%Y-%m-%dT%H:%M:%SZ}"
    return to_channels(_to_service(settings), key, "clock", messages.clock_set(text))


def _to_service(settings: Settings) -> Sequence[str]:
    """Return the channel for what concerns all workflows, if there is one."""
    to = settings.serving.to
    return () if to is None else (to,)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
