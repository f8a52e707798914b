"""The jobs and profiles of an institution in Alma, each with the step that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from almaflow.alma.wire import Job
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.operations.alma_lists import (
    ImportProfileView,
    IntegrationProfileView,
    KeptList,
    Profile,
    ProfileView,
    matching,
    profile_view,
)
from almaflow.operations.pasted_steps import job_step, jobs_of, profile_step
from almaflow.settings import Project
from almaflow.web.context import Context, Lists
from almaflow.web.forms import Operator, Written, done
from almaflow.web.rendering import render

T = TypeVar("T")

router = APIRouter()

_ROWS = 50
_LONGEST = 200
_LAST_PAGE = 100_000

KINDS = {
    "manual": "manual job",
    "scheduled": "scheduled job",
    "other": "other job",
    "integration": "integration profile",
    "import": "import profile",
}
"""What is listed, by the value of the filter."""


@dataclass(frozen=True)
class Found:
    """A job or a profile."""

    kind: str
    """A key of `KINDS`."""
    id: str
    name: str
    facts: Sequence[tuple[str, str]]
    step: str
    """The step that runs it, in YAML; empty when there is none."""
    note: str
    """What to know before the step is used."""


@dataclass(frozen=True)
class Wanted:
    """The filters of the page."""

    institution: str
    kind: str
    text: str

    def address(self, **more: Any) -> str:
        """Return the address of the page with these filters, and *more*."""
        given = {"institution": self.institution, "kind": self.kind, "text": self.text} | more
        return "/jobs?" + urlencode({name: value for name, value in given.items() if value})


@router.get("/jobs")
def jobs(
    request: Request,
    context: Context,
    lists: Lists,
    institution: Annotated[str, Query(max_length=_LONGEST)] = "",
    kind: Annotated[str, Query(max_length=_LONGEST)] = "",
    text: Annotated[str, Query(max_length=_LONGEST)] = "",
    page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
) -> Response:
    """Show the jobs and profiles that fit the filters."""
    project = context.project()
    wanted = Wanted(_institution(project, institution), kind.strip(), text.strip())
    if wanted.kind and wanted.kind not in KINDS:
        raise RequestWrong(f"`{kind}` is not a kind. Use one of {', '.join(KINDS)}.")
    problems: list[str] = []
    known_jobs = _read(lambda: lists.jobs(project, wanted.institution), problems)
    known_profiles = _read(lambda: lists.profiles(project, wanted.institution), problems)
    found = [one for one in _all(known_jobs, known_profiles) if _fits(one, wanted)]
    read = [one.read_at for one in (known_jobs, known_profiles) if one is not None]
    begin = (page - 1) * _ROWS
    return render(
        request,
        "jobs.html",
        wanted=wanted,
        institutions=list(project.institutions),
        kinds=KINDS,
        shown=found[begin : begin + _ROWS],
        number=len(found),
        first=begin + 1,
        page=page,
        has_next=begin + _ROWS < len(found),
        problems=list(dict.fromkeys(problems)),
        read_at=min(read, default=None),
    )


@router.post("/jobs")
def read_again(context: Context, lists: Lists, who: Operator, written: Written) -> Response:
    """Ask Alma again for the lists of an institution."""
    name = written.text("institution")
    if name:
        lists.forget(context.project(), name)
    return done(Wanted(name, written.text("kind"), written.text("text")).address())


def _institution(project: Project, given: str) -> str:
    """Return the institution that is shown; empty when almaflow.yaml has none."""
    if given:
        return project.institution(given).name
    names = list(project.institutions)
    return project.default_institution or (names[0] if names else "")


def _read(read: Callable[[], KeptList[T]], problems: list[str]) -> KeptList[T] | None:
    """Return a list; None, and the reason among *problems*, when it cannot be read."""
    try:
        return read()
    except AlmaflowError as error:
        problems.append(str(error))
        return None


def _all(jobs: KeptList[Job] | None, profiles: KeptList[Profile] | None) -> Iterator[Found]:
    """Yield everything, each kind by name."""
    listed = [] if jobs is None else list(jobs.entries)
    known = [] if profiles is None else list(map(profile_view, profiles.entries))
    kinds = list(KINDS)
    by_id = {one.id: one for one in known}
    found = [_job(one, by_id.get(one.profile_id), listed) for one in listed]
    found += [_profile(one, listed, jobs is not None) for one in known]
    yield from sorted(found, key=lambda one: (kinds.index(one.kind), one.name.casefold()))


def _fits(one: Found, wanted: Wanted) -> bool:
    codes = [value for name, value in one.facts if name == "Code"]
    right_kind = not wanted.kind or one.kind == wanted.kind
    return right_kind and matching(wanted.text or None, one.name, one.id, *codes)


def _job(job: Job, profile: ProfileView | None, jobs: Sequence[Job]) -> Found:
    kind = job.type.lower() if job.type.lower() in KINDS else "other"
    facts = [
        ("Category", job.category),
        ("Content", job.content),
        ("Description", job.description),
        ("Schedule in Alma", job.schedule),
        ("Profile", "" if profile is None else f"{profile.name} ({profile.id})"),
        *((one.name, one.value) for one in job.parameters),
    ]
    if profile is not None:
        others = [one for one in jobs_of(profile, jobs) if one.id != job.id]
        lines = [*profile_step(profile, [job, *others])]
        note = (
            "Alma changes the id of this job when the profile is edited, so the step names the "
            "profile."
        )
    else:
        lines, note = list(job_step(job)), ""
        if kind == "manual":
            note = (
                "Replace NAME by the id of the step that creates or finds the set. For the "
                "parameters of the job, copy its payload from the last page of its wizard in Alma."
            )
    return Found(kind, job.id, job.name, facts, "\n".join(lines), note)


def _profile(profile: ProfileView, jobs: Sequence[Job], is_known: bool) -> Found:
    own = jobs_of(profile, jobs)
    names = ", ".join(f"{job.name} ({job.id})" for job in own)
    facts = [("Jobs", names), ("Type", profile.type), ("Description", profile.description)]
    if isinstance(profile, IntegrationProfileView):
        facts = [("Code", profile.code), ("System", profile.system), *facts]
    kind, note = profile.kind, ""
    if isinstance(profile, ImportProfileView) and profile.active is False:
        note = "This profile is not active in Alma."
    elif is_known and not own and not getattr(profile, "job_id", ""):
        note = "Alma lists no job of this profile: its action is not configured, or not active."
        return Found(kind, profile.id, profile.name, facts, "", note)
    elif len(own) > 1:
        note = "The profile has several jobs. Check that `job` names the one that you mean."
    return Found(kind, profile.id, profile.name, facts, "\n".join(profile_step(profile, own)), note)
