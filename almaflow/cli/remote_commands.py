"""`cancel`, `approve`, `retry`, `pause` and `unpause` with `--server`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

import typer

from almaflow.cli.prompts import can_be_asked, confirmed
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.cli.render.tick_text import about_pause
from almaflow.cli.sources import open_server
from almaflow.errors import LinesWanted
from almaflow.json_data import as_data
from almaflow.operations.action_documents import RetryPreview, SubmittedBefore
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
        if coming.submitted and not yes and not _agreed(coming, zone, as_json=as_json):
            emit("Nothing was done.")
            raise typer.Exit(1)
        queued = actions.retry(coming, submit_again=True)
    if as_json:
        emit_json(as_data(queued))
        return
    say(
        f"Attempt {coming.attempt} of run {queued.id} is queued. Follow it with `almaflow logs -f "
        f"{queued.id} --server {server}`."
    )


def _agreed(coming: RetryPreview, zone: ZoneInfo, *, as_json: bool) -> bool:
    lines = [
        f"A new attempt of run {coming.run} would submit again:",
        *(f"  {one.step}: {_about(one, zone)}" for one in coming.submitted),
    ]
    if as_json or not can_be_asked():
        text = "\n".join(line.replace("\n", " ") for line in lines)
        raise LinesWanted(f"{text}\nNothing was done. Use `--yes` to submit again.")
    for line in lines:
        say(line)
    return confirmed("Submit again?")


def _about(one: SubmittedBefore, zone: ZoneInfo) -> str:
    text = f"job {one.job_id} at {one.institution}, sent {instant(one.sent_at, zone)}"
    if one.instance_id is None:
        return f"{text}; it is NOT KNOWN whether Alma accepted it"
    return f"{text}; Alma ran it as {one.instance_id}"


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
