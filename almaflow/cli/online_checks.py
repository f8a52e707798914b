"""`validate --online`: whether the jobs, profiles and sets that files name exist in Alma."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from almaflow.alma import calls
from almaflow.alma.errors import AlmaError, AlmaRefused, NotInAlma
from almaflow.check.against_snapshot.uses import files_of
from almaflow.cli.alma_queries import LiveAlma
from almaflow.document import Document, PathTo
from almaflow.field_types import Template
from almaflow.late_dataclasses import dataclass
from almaflow.operations.alma_reading import OpenInstitution
from almaflow.problems import Problem, Severity
from almaflow.settings import Project
from almaflow.steps.base import Kind
from almaflow.steps.create_set import CreateSet
from almaflow.steps.find_set import FindSet
from almaflow.steps.run_profile import ImportProfileRef, IntegrationProfileRef, RunProfile
from almaflow.steps.submit_job import JobReference, SubmitJob
from almaflow.steps.wait_for_run import WaitForRun
from almaflow.workflow_loader import LoadedWorkflow

ASKED_ONLINE = frozenset(
    {"job-not-in-snapshot", "profile-not-in-snapshot", "profile-job-not-in-snapshot", "other-name"}
)
"""The codes of problems that the snapshot of Alma gives rise to and that Alma itself settles."""


@dataclass(frozen=True)
class _Named:
    """A job, profile or set that a step names literally."""

    document: Document
    institution: str | None
    path: PathTo
    code: str
    severity: Severity
    kind: Kind


def missing_in_alma(loaded: Iterable[LoadedWorkflow], project: Project) -> list[Problem]:
    """Return a problem for each literally named job, profile or set that does not exist.

    A missing set is a warning, because it may be created before the workflow runs. Names and
    institutions that are templates are not checked.

    Raises:
        RequestWrong: an institution is not in almaflow.yaml, or its key is missing.
        AlmaError: Alma did not answer, or refused the key.
    """
    named = [name for one in loaded for name in _names_in(one, project)]
    problems: list[Problem] = []
    for institution in dict.fromkeys(name.institution for name in named):
        here = [name for name in named if name.institution == institution]
        problems += LiveAlma(project).ask(partial(_missing, named=here), institution)
    return problems


async def _missing(alma: OpenInstitution, named: Sequence[_Named]) -> list[Problem]:
    problems = []
    for name in named:
        try:
            other = await _look(alma, name.kind)
        except NotInAlma as error:
            problems.append(_problem(name, error))
        except AlmaRefused as error:
            if not any(code.isdecimal() for code in error.codes):
                # Only Alma's own codes concern a name; other errors concern the key or the host.
                raise
            problems.append(_problem(name, error))
        else:
            if other:
                problems.append(_other_name(name, other))
    return problems


def _other_name(name: _Named, message: str) -> Problem:
    """Return the warning about a job whose name is not that of its id."""
    location = name.document.location_of((*name.path[:-1], "name"))
    advice = f"{message} The id counts. Write the name as in Alma, or check the id."
    return name.document.problem(location, "other-name", advice, Severity.WARNING)


def _problem(name: _Named, error: AlmaError) -> Problem:
    location = name.document.location_of(name.path)
    return name.document.problem(location, name.code, str(error), name.severity)


def _names_in(loaded: LoadedWorkflow, project: Project) -> Iterator[_Named]:
    """Yield the names in a workflow and in those it calls."""
    for file in files_of(loaded, project.default_institution):
        for one in file.steps:
            place = None if one.is_computed else _place(one.kind)
            if place is not None:
                keys, code, severity = place
                path = (*one.inside, *keys)
                yield _Named(file.document, one.institution, path, code, severity, one.kind)


def _place(kind: Kind) -> tuple[PathTo, str, Severity] | None:
    """Return the position of a literal name below the kind's key, and the code for its absence."""
    match kind:
        case SubmitJob(job=job):
            keys: PathTo = ("job", "id" if job.id is not None else "name")
            return keys, "no-such-job", Severity.ERROR
        case WaitForRun(job=JobReference() as job, integration=None):
            return ("job", "id" if job.id is not None else "name"), "no-such-job", Severity.ERROR
        case RunProfile() | WaitForRun():
            key = "import" if kind.integration is None else "integration"
            return (key,), "no-such-profile", Severity.ERROR
        case FindSet(id=Template() as name) | CreateSet(from_set=Template() as name):
            key = "id" if isinstance(kind, FindSet) else "from_set"
        case FindSet(name=Template() as name):
            key = "name"
        case _:
            return None
    return ((key,), "no-such-set", Severity.WARNING) if _is_literal(name) else None


async def _look(alma: OpenInstitution, kind: Kind) -> str:
    """Look up the object that a step names; Raises: NotInAlma, AlmaRefused.

    Returns the warning that the job with this id has another name.
    """
    match kind:
        case SubmitJob(job=job):
            in_alma = await alma.directory.job(id=job.id, name=job.name)
            return alma.directory.other_name(in_alma, job.name)
        case WaitForRun(integration=IntegrationProfileRef() as profile):
            begins = kind.job.name if kind.job is not None else None
            await alma.directory.integration_job(profile.id, profile.code, profile.name, begins)
        case WaitForRun(job=JobReference() as job):
            in_alma = await alma.directory.job(id=job.id, name=job.name, type=None)
            return alma.directory.other_name(in_alma, job.name)
        case RunProfile(integration=profile) if profile is not None:
            await alma.directory.integration_job(profile.id, profile.code, profile.name, kind.job)
        case (
            RunProfile(import_=ImportProfileRef() as profile)
            | WaitForRun(import_=ImportProfileRef() as profile)
        ):
            await alma.directory.import_job(profile.id, profile.name)
        case FindSet(id=Template() as set_id) | CreateSet(from_set=Template() as set_id):
            await alma.read(calls.alma_set(set_id.text))
        case FindSet(name=Template() as name):
            await _set_named(alma, name.text)
    return ""


async def _set_named(alma: OpenInstitution, name: str) -> None:
    if await alma.directory.set_named(name) is None:
        raise NotInAlma(
            f"{alma.institution} has no set '{name}' now.",
            noun="set",
            name=name,
            advice="The name must match exactly, and private sets of other users are not visible.",
        )


def _is_literal(template: Template) -> bool:
    return "{{" not in template.text
