"""The commands that change something, with `--server`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import typer

from almaflow.cli.prompts import can_be_asked, confirmed
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import emit, emit_json, say
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.render.tick_text import about_pause
from almaflow.cli.sources import open_server
from almaflow.errors import LinesWanted, RequestWrong
from almaflow.field_types import Plain
from almaflow.json_data import as_data
from almaflow.operations.action_documents import RetryPreview, SubmittedBefore, Unconfirmed
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
            if lost.instances and not _sent_again(lost, zone):
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


def _sent_again(lost: Unconfirmed, zone: ZoneInfo) -> bool:
    say(f"Alma at {lost.institution} lists these instances of job {lost.job_id} since then:")
    for one in lost.instances:
        at = f", {instant(one.submitted_at, zone)}" if one.submitted_at else ""
        by = f", by {one.submitted_by}" if one.submitted_by else ""
        about = f"{one.name} ({one.status or 'no status yet'}{at}{by})"
        emit(f"  {on_one_line(one.id)}  {on_one_line(about)}")
    say("If one of them is this submission, submitting it once more runs the job a second time.")
    return confirmed("Submit it once more?")
