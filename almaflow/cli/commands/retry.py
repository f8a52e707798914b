"""`almaflow retry`: a new attempt at a finished run, which keeps its successful steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.commands.run import follow
from almaflow.cli.options import RunArgument, RunAsJson, StrictOption
from almaflow.cli.prompts import asker_at, can_be_asked, confirmed, who
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.run_report import exit_code_of, onlooker, steps_so_far
from almaflow.cli.render.terminal import emit, say
from almaflow.cli.render.text_layout import on_one_line
from almaflow.errors import LinesWanted, RequestWrong
from almaflow.operations.run_owner import is_worked_on
from almaflow.outcome import Status
from almaflow.plan import Plan, recorded_plan
from almaflow.runs.retry_plan import EarlierSubmission, RetryPlan, again
from almaflow.runs.step_tree import StepTree
from almaflow.settings import Project
from almaflow.store import RunRecord, Store


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
) -> None:
    """Retry the steps of a run that failed, and the steps after them.

    The run continues as a new attempt with its recorded definition and inputs, and keeps the
    outputs of its other steps. almaflow lists jobs that were submitted before, and submits them
    again only if you confirm it.
    """
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        record = store.find_run(run)
        _refuse_unfinished(store, record)
        plan = recorded_plan(record, store.definition(record.definition))
        outline = StepTree.of(plan)
        if start is None and record.outcome is not None and record.outcome.is_good:
            raise _nothing_to_do(record, outline)
        chosen = again(outline, store.journal(record.id), start)
        # A missing key is reported before anything is recorded.
        project.institution(plan.institution).key()
        if chosen.submitted and not yes and not _agreed(record, plan, chosen, as_json=as_json):
            emit("Nothing was done.")
            raise typer.Exit(1)
        value = {
            "from": None if start is None else outline.named(start).path,
            "redo": dict(chosen.redo),
            "by": who(),
        }
        reopen = partial(store.reopen_run, record.id, attempt=record.attempt + 1, value=value)
        code = _work(project, store, record, plan, reopen, strict=strict, as_json=as_json)
        raise typer.Exit(code)


def _work(
    project: Project,
    store: Store,
    record: RunRecord,
    plan: Plan,
    reopen: Callable[[], object],
    *,
    strict: bool,
    as_json: bool,
) -> int:
    seen = steps_so_far(store, record, plan)
    with onlooker(plan, as_json=as_json, seen=seen) as view:
        engine = bootstrap.live_engine(project, store, view, asker_at(view, as_json=as_json))
        ended = follow(engine, store, plan, before=reopen, as_json=as_json)
    return exit_code_of(ended, strict=strict)


def _refuse_unfinished(store: Store, record: RunRecord) -> None:
    """Raise `RequestWrong` for a run that has not ended, with advice."""
    if record.status is Status.FINISHED:
        return
    text = f"Run {record.id} has not ended, so there is nothing to retry: it is {record.status}"
    text += f" ({on_one_line(record.reason)})." if record.reason else "."
    if is_worked_on(store, record):
        move = (
            f"A process is executing it; follow it with `almaflow logs -f {record.id}`. If "
            "that process does not respond, take over the run with `almaflow resume "
            f"{record.id}`."
        )
    else:
        move = (
            f"`almaflow resume {record.id}` continues it; `almaflow why {record.id}` explains "
            "what it is waiting for."
        )
    raise RequestWrong(f"{text} {move}")


def _nothing_to_do(record: RunRecord, outline: StepTree) -> RequestWrong:
    first = next(outline.places()).path
    return RequestWrong(
        f"Run {record.id} ended well ({record.outcome}), so there is nothing to retry. To "
        f"repeat it from a step on, use `--from STEP`, such as `--from {first}`."
    )


# --- what would be submitted again ----------------------------------------------------------------


def _agreed(record: RunRecord, plan: Plan, chosen: RetryPlan, *, as_json: bool) -> bool:
    """Ask whether to submit jobs again.

    Raises:
        LinesWanted: no person can be asked.
    """
    lines = list(_question(record, plan, chosen))
    if as_json or not can_be_asked():
        text = "\n".join(lines)
        raise LinesWanted(
            f"{text}\nNothing was done, because this is not a terminal that can ask you. "
            "Use `--yes` to submit again."
        )
    for line in lines:
        say(line)
    return confirmed("Submit again?")


def _question(record: RunRecord, plan: Plan, chosen: RetryPlan) -> Iterator[str]:
    number = len(chosen.submitted)
    jobs = "a job that was" if number == 1 else f"{number} jobs that were"
    yield f"A new attempt of run {record.id} would submit again {jobs} submitted before:"
    for submission in chosen.submitted:
        yield f"  {submission.path}: {_submission_text(submission, plan.zone)}"
    if any(one.instance_id is None for one in chosen.submitted):
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
