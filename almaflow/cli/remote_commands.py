"""The commands that change something, with `--server`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import typer

from almaflow.cli.prompts import can_be_asked
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.cli.render.tick_text import about_pause
from almaflow.cli.repeated_submissions import confirm_retry, may_submit_once_more
from almaflow.cli.sources import open_server
from almaflow.errors import RequestWrong
from almaflow.field_types import Plain
from almaflow.json_data import as_data
from almaflow.operations.remote_actions import RemoteActions
from almaflow.operations.remote_source import RemoteSource


@contextmanager
def _actions(server: str, token: str | None) -> Iterator[tuple[RemoteActions, ZoneInfo]]:
    """Open the server; its project's time zone comes with it."""
    with open_server(server, token) as connection:
        yield RemoteActions(connection), RemoteSource(connection).zone


def cancel_there(server: str, token: str | None, run: str, *, as_json: bool) -> None:
    """Ask a server to cancel a run."""
    with _actions(server, token) as (actions, _):
        asked = actions.cancel(run)
    if as_json:
        emit_json({"run": asked.id, "asked": True, "worked_on": asked.worked_on})
        return
    say(
        f"The server will cancel run {asked.id}; its `finally` steps and notifications follow. "
        f"Follow it with `almaflow logs -f {asked.id} --server {server}`."
    )


def reply_there(
    server: str,
    token: str | None,
    run: str,
    step: str | None,
    *,
    approved: bool,
    comment: str,
    as_json: bool,
) -> None:
    """Send the answer to a step to a server."""
    with _actions(server, token) as (actions, _):
        given = actions.reply(run, step, approved=approved, comment=comment)
    if as_json:
        emit_json(as_data(given))
        return
    decision = "approved" if given.approved else "rejected"
    say(
        f"Step {given.step} of run {given.run} is {decision}. Follow the run with `almaflow logs "
        f"-f {given.run} --server {server}`."
    )


def retry_there(
    server: str, token: str | None, run: str, start: str | None, *, yes: bool, as_json: bool
) -> None:
    """Ask a server for a new attempt; a person confirms what it submits again."""
    with _actions(server, token) as (actions, zone):
        coming = actions.preview_retry(run, start)
        confirm_retry(coming, zone, yes=yes, as_json=as_json)
        queued = actions.retry(coming, submit_again=True)
    if as_json:
        emit_json(as_data(queued))
        return
    say(
        f"Attempt {coming.attempt} of run {queued.id} is queued. Follow it with `almaflow logs -f "
        f"{queued.id} --server {server}`."
    )


def pause_there(server: str, token: str | None, name: str, until: str | None, note: str) -> None:
    """Ask a server to pause a workflow."""
    with _actions(server, token) as (actions, zone):
        pause = actions.pause(name, until, note)
    ends = f"until {instant(pause.until, zone)}" if pause.until else "until it is ended"
    say(f"{name} is paused {ends}. Its ticks are skipped; runs that have started continue.")


def unpause_there(server: str, token: str | None, name: str) -> None:
    """Ask a server to end the pause of a workflow."""
    with _actions(server, token) as (actions, zone):
        before = actions.unpause(name)
    say(f"{name} is no longer paused. {about_pause(before, zone, ended=True)}")


def start_there(
    server: str, token: str | None, workflow: str, values: Mapping[str, Any], *, as_json: bool
) -> None:
    """Ask a server for a run of one of its workflows."""
    if "/" in workflow or workflow.endswith((".yaml", ".yml")):
        raise RequestWrong(
            f"`{workflow}` is a file of this machine, and a server runs its own files. Name one of "
            "its workflows."
        )
    inputs = json.loads(json.dumps(values, default=_as_written))
    with _actions(server, token) as (actions, _):
        queued = actions.start(workflow, inputs).run
    if as_json:
        emit_json(as_data(queued))
        return
    emit(
        f"Queued run {queued.id}. Follow it with `almaflow logs -f {queued.id} --server {server}`."
    )


def _as_written(value: object) -> str:
    """Return a value of a file as its text, which the server reads as the type of the input."""
    return value.text if isinstance(value, Plain) else str(value)


def skip_there(server: str, token: str | None, name: str, entry: str | None, note: str) -> None:
    """Ask a server to skip the next tick of a workflow."""
    with _actions(server, token) as (actions, zone):
        tick = actions.next_tick(name, entry)
        if tick is None:
            of = "" if entry is None else f" of the schedule entry `{entry}`"
            raise RequestWrong(f"{name} has no coming tick{of} that would run.")
        skipped = actions.skip_next(tick, note)
    say(
        f"The tick of {skipped.workflow} at {instant(skipped.at, zone)} (entry {skipped.entry}) "
        "will be skipped."
    )


def resolve_there(
    server: str, token: str | None, run: str, step: str, instance: str | None, *, as_json: bool
) -> None:
    """Send what a person found out about a submission to a server."""
    with _actions(server, token) as (actions, zone):
        if instance is None and not as_json and can_be_asked():
            lost = actions.preview_resolve(run, step)
            if lost.instances and not may_submit_once_more(lost, zone):
                emit("Nothing was recorded.")
                raise typer.Exit(1)
        resolved = actions.resolve(run, step, instance)
    if as_json:
        emit_json(as_data(resolved))
        return
    say(
        f"Recorded. Run {resolved.id} continues on the server. Follow it with `almaflow logs -f "
        f"{resolved.id} --server {server}`."
    )
