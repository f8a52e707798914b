"""The jobs that steps name: whether the snapshot has them, and under which name and kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeGuard

from almaflow.alma.value_parsing import job_label
from almaflow.check.against_snapshot.profiles import jobs_of_profile, jobs_owned, place_of
from almaflow.check.against_snapshot.uses import PlacedStep
from almaflow.check.collector import ProblemCollector
from almaflow.document import PathTo
from almaflow.problems import Severity
from almaflow.snapshot.model import JOBS, JobEntry, Section, Snapshot
from almaflow.steps.base import Kind
from almaflow.steps.which_kind import is_submit_job, names_profile

if TYPE_CHECKING:
    from almaflow.steps.submit_job import JobReference, SubmitJob
    from almaflow.steps.wait_for_run import WaitForRun

NEWER = "If Alma has it by now, run `almaflow snapshot`."


def job_reference(kind: Kind) -> JobReference | None:
    """Return the job that a step names by id or name, not through a profile."""
    if is_submit_job(kind):
        return kind.job
    return kind.job if _is_wait(kind) and kind.integration is None else None


def _is_wait(kind: Kind) -> TypeGuard[WaitForRun]:
    return kind.key == "wait_for_run"


def job_of(placed: PlacedStep, section: Section) -> JobEntry | None:
    """Return the one job that a step runs or waits for; None when the snapshot does not say."""
    reference = job_reference(placed.kind)
    if reference is None:
        jobs = jobs_of_profile(placed.kind, section) if names_profile(placed.kind) else []
    elif reference.id is not None:
        job = section.job_lookup.by_id.get(reference.id)
        jobs = [job] if job is not None else []
    else:
        jobs = _of_kind(placed.kind, section.job_lookup.named(reference.name or ""))
    return jobs[0] if len(jobs) == 1 else None


def check_job(
    notes: ProblemCollector, placed: PlacedStep, section: Section, snapshot: Snapshot
) -> None:
    """Note a job that the snapshot does not have, or has as another kind or under another name."""
    reference = job_reference(placed.kind)
    if reference is None or not section.knows(JOBS):
        return
    place = (*placed.inside, "job")
    if reference.id is not None:
        _check_id(notes, place, reference, section, snapshot)
    else:
        _check_name(notes, place, reference.name or "", placed.kind, section)
    job = job_of(placed, section)
    if job is not None and is_submit_job(placed.kind):
        _check_parameters(notes, placed.inside, placed.kind, job, section)


def _check_id(
    notes: ProblemCollector,
    place: PathTo,
    reference: JobReference,
    section: Section,
    snapshot: Snapshot,
) -> None:
    assert reference.id is not None
    job = section.job_lookup.by_id.get(reference.id)
    if job is None:
        text = f"Job {reference.id} is not in {section.source}"
        hint = _meant_by_id(reference, section) or _elsewhere(reference.id, section, snapshot)
        notes.at(
            place_of(notes, place, "id"),
            "job-not-in-snapshot",
            f"{text}{hint or '.'} {NEWER}",
            Severity.WARNING,
        )
    elif reference.name is not None and job_label(reference.name) != job_label(job.name):
        others = [one.id for one in section.job_lookup.named(reference.name)]
        other = f" `{reference.name}` is the name of {', '.join(others)}." if others else ""
        notes.at(
            (*place, "name"),
            "other-name",
            f"In {section.source}, job {job.id} has the name `{job.name}`.{other} The id counts. "
            "Write the name as in Alma, or check the id.",
            Severity.WARNING,
        )


def _meant_by_id(reference: JobReference, section: Section) -> str:
    """Return which job may be meant by an unknown id, as the end of a sentence."""
    named = section.job_lookup.named(reference.name) if reference.name else []
    if named:
        return f", but `{reference.name}` is there as {_listed(named)}; is that the one you mean?"
    near = section.job_lookup.near_ids(reference.id or "")
    return f"; did you mean {_listed(near)}?" if near else ""


def _elsewhere(id: str, section: Section, snapshot: Snapshot) -> str:
    """Return that another institution has the job; its ids mean nothing here."""
    others = [
        name
        for name, one in snapshot.sections.items()
        if one is not section and id in one.job_lookup.by_id
    ]
    listed = " and ".join(f"`{name}`" for name in sorted(others)[:_MOST])
    return f"; {listed} has it, and ids differ between institutions." if others else ""


def _check_name(
    notes: ProblemCollector, place: PathTo, name: str, kind: Kind, section: Section
) -> None:
    place = place_of(notes, place, "name")
    named = section.job_lookup.named(name)
    fitting = _of_kind(kind, named)
    if len(fitting) > 1:
        notes.at(
            place,
            "job-name-not-unique",
            f"In {section.source}, {len(fitting)} jobs have the name `{name}`: "
            f"{_with_categories(fitting)}. Write the id of the one that you mean, such as "
            f"`job: {{id: {fitting[0].id}, name: {name}}}`.",
        )
    elif fitting:
        return
    elif named:
        _note_scheduled(notes, place, name, named[0], section)
    else:
        notes.at(
            place,
            "job-not-in-snapshot",
            f"There is no job `{name}` in {section.source}{_meant_by_name(name, section)}",
            Severity.WARNING,
        )


def _meant_by_name(name: str, section: Section) -> str:
    """Return what may be meant by an unknown name, and the next move, as the end of a sentence."""
    for kind, field in (("integration", "name"), ("integration", "code"), ("import", "name")):
        if section.profile_lookup.matching(kind, field, name):
            return (
                f", but an {kind} profile has this {field}. To run its job, write "
                f"`run_profile: {{{kind}: {{{field}: {name}}}}}`."
            )
    near = section.job_lookup.near_names(name)
    if not near:
        return f". {NEWER} `almaflow jobs list --name WORD` searches for a job by a word."
    listed = " or ".join(f"`{job.name}` ({job.id})" for job in near)
    return f"; did you mean {listed}? {NEWER}"


def _note_scheduled(
    notes: ProblemCollector, place: PathTo, name: str, job: JobEntry, section: Section
) -> None:
    """Note that only a job of a profile, or of Alma's own timetable, has this *name*."""
    profiles = [one for one in section.profiles if job.id in one.jobs or one.id == job.profile]
    advice = "Use `wait_for_run` to follow an instance that Alma starts."
    if profiles:
        profile = profiles[0]
        given = profile.code or profile.name
        several = len(jobs_owned(profile, section)) > 1
        select = f", job: {job.name}" if several else ""
        advice = f"Use `run_profile: {{{profile.kind}: {given}{select}}}` to start it."
    notes.at(
        place,
        "job-only-scheduled",
        f"In {section.source}, `{name}` is the scheduled job {job.id}, and `submit_job` starts "
        f"manual jobs only. {advice}",
    )


def _of_kind(kind: Kind, jobs: Sequence[JobEntry]) -> list[JobEntry]:
    """Return the jobs that a step of this *kind* may name; `submit_job` finds manual ones only."""
    if not is_submit_job(kind):
        return list(jobs)
    return [job for job in jobs if job.type in ("", "MANUAL")]


_MOST = 5


def _listed(jobs: Sequence[JobEntry]) -> str:
    shown = ", ".join(f"`{job.id}` ({job.name})" for job in jobs[:_MOST])
    return shown + (", …" if len(jobs) > _MOST else "")


def _with_categories(jobs: Sequence[JobEntry]) -> str:
    shown = (f"{job.id} ({job.category})" if job.category else job.id for job in jobs[:_MOST])
    return ", ".join(shown) + (", …" if len(jobs) > _MOST else "")


# --- parameters -----------------------------------------------------------------------------------


def _check_parameters(
    notes: ProblemCollector, path: PathTo, kind: SubmitJob, job: JobEntry, section: Section
) -> None:
    """Note names of parameters that the job is not known to have, for a step without payload."""
    from almaflow.check.parameter_names import check_names_known

    if kind.payload is not None or not job.parameters:
        return
    whose = (
        f"a payload of job {job.title} in this project"
        if job.parameters_from == "payload"
        else f"Alma's description of job {job.title}"
    )
    check_names_known(notes, path, kind, job.parameters, f"{whose} ({section.taken})")
