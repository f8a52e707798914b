"""`almaflow retry`: a new attempt at a finished run, which keeps its successful steps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.commands.run import follow
from almaflow.cli.options import RunArgument, RunAsJson, StrictOption
from almaflow.cli.prompts import can_be_asked, confirmed, prompt_at, who
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.run_report import exit_code_of, onlooker, steps_so_far
from almaflow.cli.render.terminal import emit, say
from almaflow.cli.render.text_layout import on_one_line
from almaflow.cli.sources import ServerOption, TokenOption, is_remote
from almaflow.errors import LinesWanted
from almaflow.operations.retrying import ComingAttempt, preview_retry, reopen_run
from almaflow.runs.retry_plan import EarlierSubmission
from almaflow.settings import Project
from almaflow.store import Store


def retry(
    run: RunArgument,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="STEP",
            help="Start again from this step (its id or path), whatever its outcome.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Submit jobs again without asking.")
    ] = False,
    strict: StrictOption = False,
    as_json: RunAsJson = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """Retry the steps of a run that failed, and the steps after them.

    The run continues as a new attempt with its recorded definition and inputs, and keeps the
    outputs of its other steps. almaflow lists jobs that were submitted before, and submits them
    again only if you confirm it.
    """
    if is_remote(server, token):
        from almaflow.cli.remote_commands import retry_there

        retry_there(server, token, run, start, yes=yes, as_json=as_json)
        return
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        coming = preview_retry(store, run, start)
        # A missing key is reported before anything is recorded.
        project.institution(coming.plan.institution).key()
        if coming.steps.submitted and not yes and not _agreed(coming, as_json=as_json):
            emit("Nothing was done.")
            raise typer.Exit(1)
        code = _work(project, store, coming, strict=strict, as_json=as_json)
        raise typer.Exit(code)


def _work(
    project: Project, store: Store, coming: ComingAttempt, *, strict: bool, as_json: bool
) -> int:
    seen = steps_so_far(store, coming.run, coming.plan)
    reopen = partial(reopen_run, store, coming, who())
    with onlooker(coming.plan, as_json=as_json, seen=seen) as view:
        engine = bootstrap.live_engine(project, store, view, prompt_at(view, as_json=as_json))
        ended = follow(engine, store, coming.plan, before=reopen, as_json=as_json)
    return exit_code_of(ended, strict=strict)


# --- what would be submitted again ----------------------------------------------------------------


def _agreed(coming: ComingAttempt, *, as_json: bool) -> bool:
    """Ask whether to submit jobs again.

    Raises:
        LinesWanted: no person can be asked.
    """
    lines = list(_question(coming))
    if as_json or not can_be_asked():
        text = "\n".join(lines)
        raise LinesWanted(
            f"{text}\nNothing was done, because this is not a terminal that can ask you. "
            "Use `--yes` to submit again."
        )
    for line in lines:
        say(line)
    return confirmed("Submit again?")


def _question(coming: ComingAttempt) -> Iterator[str]:
    submitted = coming.steps.submitted
    number = len(submitted)
    jobs = "a job that was" if number == 1 else f"{number} jobs that were"
    yield f"A new attempt of run {coming.run.id} would submit again {jobs} submitted before:"
    for submission in submitted:
        yield f"  {submission.path}: {_submission_text(submission, coming.plan.zone)}"
    if any(one.instance_id is None for one in submitted):
        yield (
            "Check Alma (Admin > Monitor Jobs) before you confirm: a submission whose outcome "
            "is not known may have run, and would then run a second time."
        )


def _submission_text(submission: EarlierSubmission, zone: ZoneInfo) -> str:
    """Return which job it was, when it was sent, and its outcome."""
    job = f"job {submission.job_id}" + (
        f" ({on_one_line(submission.job_name)})" if submission.job_name else ""
    )
    where = f" at {submission.institution}" + (
        f" with set {submission.set_id}" if submission.set_id else ""
    )
    text = f"{job}{where}, sent {instant(submission.sent_at, zone)}"
    if submission.instance_id is None:
        return f"{text}; it is NOT KNOWN whether Alma accepted it"
    if submission.status:
        return f"{text}; Alma ran it as {submission.instance_id}, last seen as {submission.status}"
    return f"{text}; Alma ran it as {submission.instance_id}, and almaflow did not see its end"
