"""Asks before a job is submitted that may have been submitted before, here or by a server."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import typer

from almaflow.cli.prompts import can_be_asked, confirmed
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import emit, say
from almaflow.cli.render.text_layout import on_one_line
from almaflow.errors import LinesWanted
from almaflow.operations.action_documents import PossibleInstance, RetryPreview, Unconfirmed
from almaflow.runs.retry_plan import submission_text


def confirm_retry(coming: RetryPreview, zone: ZoneInfo, *, yes: bool, as_json: bool) -> None:
    """Ask whether a new attempt may submit its jobs again, unless *yes* says so.

    Raises:
        LinesWanted: no person can be asked.
        typer.Exit: the person refuses.
    """
    if yes or not coming.submitted:
        return
    lines = list(_question(coming, zone))
    if as_json or not can_be_asked():
        text = "\n".join(lines)
        raise LinesWanted(
            f"{text}\nNothing was done, because this is not a terminal that can ask you. "
            "Use `--yes` to submit again."
        )
    for line in lines:
        say(line)
    if not confirmed("Submit again?"):
        emit("Nothing was done.")
        raise typer.Exit(1)


def _question(coming: RetryPreview, zone: ZoneInfo) -> Iterator[str]:
    number = len(coming.submitted)
    jobs = "a job that was" if number == 1 else f"{number} jobs that were"
    yield f"A new attempt of run {coming.run} would submit again {jobs} submitted before:"
    for one in coming.submitted:
        yield f"  {on_one_line(submission_text(one, instant(one.sent_at, zone)))}"
    if any(one.instance_id is None for one in coming.submitted):
        yield (
            "Check Alma (Admin > Monitor Jobs) before you confirm: a submission whose outcome "
            "is not known may have run, and would then run a second time."
        )


def may_submit_once_more(lost: Unconfirmed, zone: ZoneInfo) -> bool:
    """Show what Alma lists, and ask whether to submit all the same; yes where nobody can be."""
    say(f"Alma at {lost.institution} lists these instances of job {lost.job_id} since then:")
    for instance in lost.instances:
        emit(f"  {_instance_text(instance, zone)}")
    say("If one of them is this submission, submitting it once more runs the job a second time.")
    return confirmed("Submit it once more?") if can_be_asked() else True


def _instance_text(one: PossibleInstance, zone: ZoneInfo) -> str:
    at = f", {instant(one.submitted_at, zone)}" if one.submitted_at else ""
    by = f", by {one.submitted_by}" if one.submitted_by else ""
    about = f"{one.name} ({one.status or 'no status yet'}{at}{by})"
    return f"{on_one_line(one.id)}  {on_one_line(about)}"
