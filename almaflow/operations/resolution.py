"""What happened to a submission whose response was lost: a person's decision, checked in Alma."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from almaflow.alma import calls
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import AlmaRefused
from almaflow.alma.evidence import RunTrace, read_trace
from almaflow.alma.wire import JobInstance
from almaflow.engine.alma_writes.adoption import TOLERANCE, Mismatch, SoughtInstance, sent_since
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.operations.alma_reading import AlmaReader, OpenInstitution
from almaflow.operations.run_records import is_worked_on, log_request
from almaflow.outcome import Status
from almaflow.problems import did_you_mean
from almaflow.runs.request_views import is_lost, is_submission
from almaflow.settings import Project
from almaflow.store import Decision, JournalEntry, RunRecord, Store
from almaflow.store.locks import locks_of_decision

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

    @property
    def sent_at(self) -> datetime:
        """When it was sent (aware, UTC)."""
        return datetime.fromisoformat(self.entry.value["sent_at"])

    def wanted(self, ahead: timedelta) -> SoughtInstance:
        """Return the instance to search for; *ahead* is how far Alma's clock is ahead of ours."""
        return SoughtInstance(self.trace, self.markers, sent_since(self.entry.value, ahead))


# --- which submission -----------------------------------------------------------------------------


def find_unconfirmed(store: Store, record: RunRecord, step: str) -> UnconfirmedRequest:
    """Return the unconfirmed submission of a step, which is named by its path or id.

    Raises:
        RequestWrong: the run is finished, or no submission of such a step is unconfirmed.
    """
    if record.status is Status.FINISHED:
        raise RequestWrong(
            f"Run {record.id} is finished ({record.outcome}), so no submission of it is "
            f"waiting for an answer. `almaflow retry {record.id}` retries the steps that "
            "failed, and asks first."
        )
    worked_on = is_worked_on(store, record)
    return _chosen(record, step, lost_in(store.journal(record.id), worked_on=worked_on))


def record_decision(
    store: Store, record: RunRecord, lost: UnconfirmedRequest, instance: str | None, by: str
) -> Decision:
    """Record that Alma runs a submission as *instance*; None: that Alma did not accept it."""
    value = {"attempt": lost.entry.attempt, "effect": lost.entry.effect, "instance_id": instance}
    found = f"runs in Alma as {instance}" if instance else "was not accepted by Alma"
    text = f"{by} confirmed that the submission of step {lost.path} {found}."
    with store.batch(locks_of_decision(record.id)):
        log_request(store, record.id, text, by, asked="resolve", step=lost.path, **value)
        return store.add_answer(record.id, lost.path, "resolve", value, by)


def decide_anywhere(
    store: Store, record: RunRecord, lost: UnconfirmedRequest, instance: str | None, by: str
) -> Decision:
    """Record a decision as `record_decision` does, and let any process continue the run."""
    with store.batch(locks_of_decision(record.id)):
        decision = record_decision(store, record, lost, instance, by)
        store.end_hold(record.id)
        return decision


def lost_in(entries: Sequence[JournalEntry], *, worked_on: bool) -> dict[str, UnconfirmedRequest]:
    """Return the newest unconfirmed submission of each step, by path."""
    submissions = [entry for entry in entries if is_submission(entry.effect) and entry.request_hash]
    markers: dict[tuple[str, int], list[str]] = {}
    for one in submissions:
        markers.setdefault((one.path, one.attempt), []).append(one.value["trace"]["marker"])
    return {
        one.path: UnconfirmedRequest(one, markers[one.path, one.attempt])
        for one in submissions
        if is_lost(one, worked_on=worked_on)
    }


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


def check_instance(
    project: Project, store: Store, alma: AlmaReader, lost: UnconfirmedRequest, instance_id: str
) -> None:
    """Raise `RequestWrong` when the instance cannot be the one that was submitted."""

    async def question(asked: OpenInstitution) -> tuple[JobInstance, SoughtInstance]:
        instance = await asked.read(calls.instance(instance_id, lost.trace.job_id))
        return instance, lost.wanted(asked.ahead)

    try:
        instance, wanted = alma.ask(question, lost.institution)
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
            f"The instance {instance_id} ({instance.name}) cannot be what step "
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
            return (
                f"Alma accepted it at {_utc(instance.submit_time)}, before ours was sent at "
                f"{_utc(wanted.since + TOLERANCE)}"
            )
        case Mismatch.OTHER_MARKER:
            return "its name has the marker of another submission of almaflow"
    return ""


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(" ", "seconds")


@dataclass(frozen=True)
class Candidates:
    """The instances in Alma that could be a submission."""

    instances: Sequence[JobInstance]
    marked: JobInstance | None
    """The one with the marker of the submission, which is certainly it; None: there is none."""


def candidates(
    project: Project, store: Store, alma: AlmaReader, record: RunRecord, lost: UnconfirmedRequest
) -> Candidates:
    """Return the instances in Alma that could be the submission; none of them has its marker.

    Raises:
        RequestWrong: Alma lists an instance with the submission's own marker.
    """
    found = find_candidates(project, store, alma, lost)
    if found.marked is not None:
        raise RequestWrong(
            f"Alma lists the instance {found.marked.id} ({found.marked.name}), whose "
            "name has the marker of this submission, so Alma accepted it. To confirm this: "
            f"`almaflow resolve {record.id} {lost.path} --instance {found.marked.id}`"
        )
    return found


def find_candidates(
    project: Project, store: Store, alma: AlmaReader, lost: UnconfirmedRequest
) -> Candidates:
    """Ask Alma for the instances that could be the submission; Raises: AlmaError."""

    async def question(asked: OpenInstitution) -> tuple[list[JobInstance], SoughtInstance]:
        day = lost.wanted(asked.ahead).listed_from
        listed = await read_pages(
            asked.read,
            lambda offset: calls.instances(lost.trace.job_id, submitted_from=day, offset=offset),
        )
        return listed, lost.wanted(asked.ahead)

    claimed = _claimed(project, store, lost)
    listed, wanted = alma.ask(question, lost.institution)
    runs = [one for one in listed if one.id not in claimed and not _why_not(one, wanted)]
    marked = next((one for one in runs if wanted.is_marked(one)), None)
    return Candidates(runs, marked)


def _claimed(project: Project, store: Store, lost: UnconfirmedRequest) -> Collection[str]:
    """Return the instances that belong to other submissions."""
    account = project.institution(lost.institution).account
    return store.known_instances(account, lost.trace.job_id)
