"""What is in Alma: the jobs and profiles of an institution, at most some minutes old."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from almaflow.operations.alma_finding import (
    JobFound,
    ProfileFound,
    SetFound,
    find_job,
    find_profile,
    find_set,
)
from almaflow.operations.alma_lists import (
    JobList,
    ProfileList,
    SetList,
    job_view,
    matching,
    profile_code,
    profile_view,
    set_view,
)
from almaflow.operations.alma_reading import OpenInstitution
from almaflow.operations.shapes import whole
from almaflow.web.api.answers import (
    JobName,
    Limit,
    ProfileName,
    Refusal,
    SetName,
    Text,
    answer,
    listed,
)
from almaflow.web.context import Context, Lists, WebContext

T = TypeVar("T")

router = APIRouter()

_REFUSALS: dict[int | str, dict[str, Any]] = {
    HTTPStatus.BAD_GATEWAY.value: {
        "model": whole(Refusal),
        "description": "Alma did not respond, or refused.",
    }
}
Institution = Annotated[
    Text, Query(description="An entry of almaflow.yaml; else its default_institution.")
]
NamePart = Annotated[Text, Query(description="Those whose name contains this text.")]
Cursor = Annotated[
    str | None, Query(pattern="^[0-9]{1,6}$", description="What `Link` of the page before names.")
]


@router.get("/jobs", response_model=whole(JobList), responses=_REFUSALS)
def jobs(
    request: Request,
    context: Context,
    lists: Lists,
    institution: Institution = None,
    name: NamePart = None,
    type: Annotated[Text, Query(description="MANUAL, SCHEDULED or OTHER.")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Response:
    """List the jobs of an institution that the API can start, by name."""
    kept = lists.jobs(context.project(), institution)
    fitting = [
        job
        for job in kept.entries
        if matching(name, job.name) and type in (None, job.type, job.type.lower())
    ]
    page, next_ = _page(fitting, limit, cursor)
    return listed(request, JobList(kept.institution, tuple(map(job_view, page))), next_)


@router.get("/profiles", response_model=whole(ProfileList), responses=_REFUSALS)
def profiles(
    request: Request,
    context: Context,
    lists: Lists,
    institution: Institution = None,
    name: NamePart = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Response:
    """List the integration and import profiles of an institution."""
    kept = lists.profiles(context.project(), institution)
    fitting = [one for one in kept.entries if matching(name, one.name, profile_code(one))]
    page, next_ = _page(fitting, limit, cursor)
    return listed(request, ProfileList(kept.institution, tuple(map(profile_view, page))), next_)


@router.get("/sets", response_model=whole(SetList), responses=_REFUSALS)
def sets(
    request: Request,
    context: Context,
    lists: Lists,
    institution: Institution = None,
    name: NamePart = None,
    content: Annotated[Text, Query(description="Those of this content, such as BIB_MMS.")] = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Response:
    """List the sets of an institution that the API can see, by name."""
    kept = lists.sets(context.project(), institution)
    fitting = [
        one for one in kept.entries if matching(name, one.name) and content in (None, one.content)
    ]
    page, next_ = _page(fitting, limit, cursor)
    return listed(request, SetList(kept.institution, tuple(map(set_view, page))), next_)


# Names may have a slash in them.


@router.get("/jobs/{job:path}", response_model=whole(JobFound), responses=_REFUSALS)
def one_job(context: Context, job: JobName, institution: Institution = None) -> Response:
    """Show one job, by id or exact name; Alma is asked each time."""
    return answer(_ask(context, institution, lambda alma: find_job(alma, job)))


@router.get("/profiles/{profile:path}", response_model=whole(ProfileFound), responses=_REFUSALS)
def one_profile(
    context: Context, profile: ProfileName, institution: Institution = None
) -> Response:
    """Show one profile with its jobs, by id, code or exact name; Alma is asked each time."""
    return answer(_ask(context, institution, lambda alma: find_profile(alma, profile)))


@router.get("/sets/{alma_set:path}", response_model=whole(SetFound), responses=_REFUSALS)
def one_set(context: Context, alma_set: SetName, institution: Institution = None) -> Response:
    """Show one set and how many members it has, by id or exact name; Alma is asked each time."""
    return answer(_ask(context, institution, lambda alma: find_set(alma, alma_set)))


def _ask(
    context: WebContext,
    institution: str | None,
    question: Callable[[OpenInstitution], Awaitable[T]],
) -> T:
    name = context.project().institution(institution).name
    return context.alma.ask(question, name)


def _page(entries: Sequence[T], limit: int, cursor: str | None) -> tuple[Sequence[T], str]:
    """Return the entries from *cursor* on, and where the next page begins."""
    begin = int(cursor or 0)
    end = begin + limit
    return entries[begin:end], str(end) if end < len(entries) else ""
