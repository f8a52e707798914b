"""`almaflow resolve`: records a person's decision about an unconfirmed submission."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.alma import calls
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import AlmaRefused
from almaflow.alma.evidence import RunTrace, read_trace
from almaflow.alma.wire import JobInstance
from almaflow.cli import bootstrap
from almaflow.cli.alma_queries import OpenInstitution, ask_live
from almaflow.cli.handoff import notify_owner, responds, work_here
from almaflow.cli.options import RunArgument, RunAsJson
from almaflow.cli.prompts import can_be_asked, confirmed, who
from almaflow.cli.render.run_details import instant
from almaflow.cli.render.terminal import emit, say
from almaflow.cli.render.text_layout import on_one_line
from almaflow.engine.alma_writes.adoption import TOLERANCE, Mismatch, SoughtInstance, sent_since
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.operations.run_owner import is_worked_on
from almaflow.outcome import Status
from almaflow.problems import did_you_mean
from almaflow.runs.request_views import is_lost, is_submission
from almaflow.settings import Project
from almaflow.store import JournalEntry, RunHeld, RunRecord, Store

# The codes by which Alma reports an unknown instance.
_UNKNOWN_RUN = frozenset({"402216", "402218", "402215"})


@dataclass(frozen=True)
class UnconfirmedRequest:
    """A submission for which it is not known whether Alma accepted it.

    *markers* are those of all submissions of its attempt.
    """

    entry: JournalEntry
    markers: Collection[str]

    @property
    def path(self) -> str:
        """The step that sent it."""
        return self.entry.path

    @property
    def trace(self) -> RunTrace:
        """Its evidence in Alma."""
        trace = read_trace(self.entry.value["trace"])
        assert isinstance(trace, RunTrace)
        return trace

    @property
    def institution(self) -> str:
        """The institution it was sent to."""
        return str(self.entry.value["institution"])

    def wanted(self, ahead: timedelta) -> SoughtInstance:
        """Return the instance to search for; *ahead* is how far Alma's clock is ahead of ours."""
        return SoughtInstance(self.trace, self.markers, sent_since(self.entry.value, ahead))


def resolve(
    run: RunArgument,
    step: Annotated[str, typer.Argument(metavar="STEP", help="The step's path or id.")],
    instance: Annotated[
        str | None,
        typer.Option(
            "--instance", metavar="ID", help="Alma accepted it: the id of the job instance."
        ),
    ] = None,
    not_submitted: Annotated[
        bool,
        typer.Option(
            "--not-submitted", help="Alma did not accept it; almaflow submits it once more."
        ),
    ] = False,
    as_json: RunAsJson = False,
) -> None:
    """Record whether Alma accepted a submission whose response was lost, and continue the run.

    Check in Alma first (Admin > Monitor Jobs). almaflow verifies an instance: it must exist, belong
    to the job, have been submitted after ours was sent, and not belong to another step.
    """
    if (instance is not None) is not_submitted:
        raise RequestWrong(
            "Confirm the outcome of the submission: `--instance ID` if Alma runs it, or "
            "`--not-submitted` if Alma did not accept it."
        )
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        record = store.find_run(run)
        if record.status is Status.FINISHED:
            raise RequestWrong(
                f"Run {record.id} is finished ({record.outcome}), so no submission of it is "
                f"waiting for an answer. `almaflow retry {record.id}` retries the steps that "
                "failed, and asks first."
            )
        worked_on = is_worked_on(store, record)
        lost = _chosen(record, step, _lost_in(store.journal(record.id), worked_on))
        if instance is not None:
            instance = instance.strip()
            _check_instance(project, store, lost, instance)
        elif not _not_there(project, store, record, lost, as_json=as_json):
            emit("Nothing was recorded.")
            raise typer.Exit(1)
        value = {
            "attempt": lost.entry.attempt,
            "effect": lost.entry.effect,
            "instance_id": instance,
        }
        store.add_answer(record.id, lost.path, "resolve", value, who())
        _go_on(project, store, record, lost, instance, as_json=as_json)


def _go_on(
    project: Project,
    store: Store,
    record: RunRecord,
    lost: UnconfirmedRequest,
    instance: str | None,
    *,
    as_json: bool,
) -> None:
    """Let the process that executes the run apply the decision, or continue the run here."""
    outcome = f"runs in Alma as {instance}" if instance else "was not accepted by Alma"
    if not responds(store, record):
        try:
            text = (
                f"Step {lost.path} {outcome}. No process is executing run {record.id}, so it "
                "continues here."
            )
            work_here(project, store, record, text, as_json=as_json)
        except RunHeld:
            # A process has just claimed the run, and it is notified of the reply.
            record = store.run(record.id)
    text = f"continues now that step {lost.path} {outcome}"
    notify_owner(store, record, text, as_json=as_json, resolved=lost.path, instance=instance)


# --- which submission -----------------------------------------------------------------------------


def _lost_in(entries: Sequence[JournalEntry], worked_on: bool) -> dict[str, UnconfirmedRequest]:
    """Return the newest unconfirmed submission of each step, by path."""
    submissions = [entry for entry in entries if is_submission(entry.effect) and entry.request_hash]
    return {
        entry.path: UnconfirmedRequest(entry, _markers(submissions, entry))
        for entry in submissions
        if is_lost(entry, worked_on=worked_on)
    }


def _markers(submissions: Sequence[JournalEntry], lost: JournalEntry) -> list[str]:
    return [
        one.value["trace"]["marker"]
        for one in submissions
        if (one.path, one.attempt) == (lost.path, lost.attempt)
    ]


def _chosen(
    record: RunRecord, step: str, lost: Mapping[str, UnconfirmedRequest]
) -> UnconfirmedRequest:
    """Return the requested submission; Raises: RequestWrong."""
    if not lost:
        raise RequestWrong(
            f"No submission of run {record.id} is unconfirmed, so there is nothing to resolve. "
            f"`almaflow why {record.id}` explains what the run is waiting for."
        )
    matches = [one for one in lost.values() if step in (one.path, one.path.rsplit("/", 1)[-1])]
    if len(matches) == 1:
        return matches[0]
    listed = ", ".join(f"`{path}`" for path in sorted(lost))
    if matches:
        raise RequestWrong(
            f"Several steps with the id `{step}` have a lost response: {listed}. Specify one "
            "of these paths."
        )
    raise RequestWrong(
        f"No submission of step `{step}` of run {record.id} is "
        f"unconfirmed{did_you_mean(step, lost) or '.'} Unconfirmed: {listed}."
    )


# --- what Alma shows ------------------------------------------------------------------------------


def _check_instance(
    project: Project, store: Store, lost: UnconfirmedRequest, instance_id: str
) -> None:
    """Raise `RequestWrong` when the instance cannot be the one that was submitted."""

    async def question(alma: OpenInstitution) -> tuple[JobInstance, SoughtInstance]:
        instance = await alma.read(calls.instance(instance_id, lost.trace.job_id))
        return instance, lost.wanted(alma.ahead)

    try:
        instance, wanted = ask_live(question, project, lost.institution)
    except AlmaRefused as error:
        if not error.codes & _UNKNOWN_RUN:
            raise
        raise RequestWrong(
            f"Alma at {lost.institution} has no instance {instance_id} of job "
            f"{lost.trace.job_id}. Check the id in Alma (Admin > Monitor Jobs)."
        ) from error
    why = _why_not(instance, wanted)
    if instance_id in _claimed(project, store, lost):
        why = "another step of almaflow started or adopted it"
    if why:
        raise RequestWrong(
            f"The instance {instance_id} ({on_one_line(instance.name)}) cannot be what step "
            f"{lost.path} submitted: {why}. Nothing was recorded."
        )


def _why_not(instance: JobInstance, wanted: SoughtInstance) -> str:
    """Return why an instance is not the one that was submitted; empty when it can be.

    The person judges who started it, because Alma may give the API's account any name.
    """
    match wanted.mismatch(instance):
        case Mismatch.OTHER_JOB:
            return f"it is an instance of job {instance.job_id}, not of {wanted.trace.job_id}"
        case Mismatch.EARLIER:
            assert instance.submit_time is not None
            utc = ZoneInfo("UTC")
            return (
                f"Alma accepted it at {instant(instance.submit_time, utc)}, before ours was sent "
                f"at {instant(wanted.since + TOLERANCE, utc)}"
            )
        case Mismatch.OTHER_MARKER:
            return "its name has the marker of another submission of almaflow"
    return ""


def _not_there(
    project: Project, store: Store, record: RunRecord, lost: UnconfirmedRequest, *, as_json: bool
) -> bool:
    """Show the possible instances in Alma's list, and return whether to submit the job anyway.

    Raises:
        RequestWrong: Alma lists an instance with the submission's own marker.
    """

    async def question(alma: OpenInstitution) -> tuple[list[JobInstance], SoughtInstance]:
        day = lost.wanted(alma.ahead).listed_from
        listed = await read_pages(
            alma.read,
            lambda offset: calls.instances(lost.trace.job_id, submitted_from=day, offset=offset),
        )
        return listed, lost.wanted(alma.ahead)

    claimed = _claimed(project, store, lost)
    listed, wanted = ask_live(question, project, lost.institution)
    runs = [one for one in listed if one.id not in claimed and not _why_not(one, wanted)]
    marked = [one for one in runs if wanted.is_marked(one)]
    if marked:
        raise RequestWrong(
            f"Alma lists the instance {marked[0].id} ({on_one_line(marked[0].name)}), whose "
            "name has the marker of this submission, so Alma accepted it. To confirm this: "
            f"`almaflow resolve {record.id} {lost.path} --instance {marked[0].id}`"
        )
    if not runs or as_json:
        return True
    say(f"Alma at {lost.institution} lists these instances of job {lost.trace.job_id} since then:")
    for instance in runs:
        emit(f"  {_instance_text(instance)}")
    say("If one of them is this submission, submitting it once more runs the job a second time.")
    return confirmed("Submit it once more?") if can_be_asked() else True


def _instance_text(run: JobInstance) -> str:
    at = f", {instant(run.submit_time, ZoneInfo('UTC'))}" if run.submit_time else ""
    by = f", by {run.submitted_by}" if run.submitted_by else ""
    return on_one_line(f"{run.id}  {run.name} ({run.status or 'no status yet'}{at}{by})")


def _claimed(project: Project, store: Store, lost: UnconfirmedRequest) -> Collection[str]:
    """Return the instances that belong to other submissions."""
    account = project.institution(lost.institution).account
    return store.known_instances(account, lost.trace.job_id)
