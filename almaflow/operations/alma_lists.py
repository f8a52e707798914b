"""The jobs, profiles and sets of an institution, as Alma lists them."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar

from almaflow.alma import calls
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import AlmaError, AlmaUnreachable
from almaflow.alma.wire import AlmaSet, ImportProfile, IntegrationProfile, Job
from almaflow.clock import Clock
from almaflow.late_dataclasses import dataclass
from almaflow.operations.alma_reading import PATIENCE, AlmaReader, AlmaSilent, OpenInstitution
from almaflow.settings import Project

T = TypeVar("T")

Profile = IntegrationProfile | ImportProfile

# How long a list is shown before Alma is asked again: people look through lists for minutes, and
# each list takes calls of the day's quota, also one that Alma refuses. Nobody asks again sooner
# than some seconds after the last time.
_FRESH = timedelta(minutes=10)
_REFUSED = timedelta(minutes=1)
_SOONEST = timedelta(seconds=10)


@dataclass(frozen=True)
class ParameterView:
    """A named value that a job is submitted with."""

    name: str
    """Alma's name of the parameter."""
    value: str
    """The value, as text."""


@dataclass(frozen=True)
class JobView:
    """A job of Alma."""

    id: str
    """Alma's id, such as `M44`."""
    name: str
    """Alma's name."""
    description: str
    """What Alma says about it; else empty."""
    type: str
    """Alma's code: `MANUAL`, `SCHEDULED` or `OTHER`."""
    category: str
    """Alma's code, such as `REPOSITORY`; else empty."""
    content: str
    """What its sets hold, as Alma's code, such as `BIB_MMS`; else empty."""
    schedule: str
    """When Alma starts it, of scheduled jobs; else empty."""
    next_run_at: str
    """ISO 8601; empty when it is not known."""
    profile_id: str
    """Of scheduled jobs; else empty."""
    parameters: tuple[ParameterView, ...]
    """What it is submitted with, where Alma lists it."""
    link: str
    """The address of the job in Alma's API."""


@dataclass(frozen=True)
class JobList:
    """The document of `jobs list --json`."""

    institution: str
    """The institution that was asked, by its name in almaflow.yaml."""
    jobs: tuple[JobView, ...]
    """The jobs that fit, by name."""


@dataclass(frozen=True)
class IntegrationProfileView:
    """A configured exchange with another system."""

    kind: Literal["integration"]
    """Tells it apart from an import profile."""
    id: str
    """Alma's id."""
    code: str
    """The code that people gave it."""
    name: str
    """Alma's name."""
    type: str
    """Alma's code of what it exchanges, such as `STUDENT_SYSTEM`."""
    system: str
    """Alma's code of the other system; else empty."""
    description: str
    """What Alma says about it; else empty."""


@dataclass(frozen=True)
class ImportProfileView:
    """A metadata import profile."""

    kind: Literal["import"]
    """Tells it apart from an integration profile."""
    id: str
    """Alma's id."""
    name: str
    """Alma's name."""
    job_id: str
    """The job to run; empty when it has none."""
    type: str
    """Alma's code of what it imports, such as `REPOSITORY`."""
    description: str
    """What Alma says about it; else empty."""
    active: bool | None
    """Whether it is active; None when Alma does not say."""
    scheduler_status: str
    """Alma's code of its schedule, such as `INACTIVE`; else empty."""


ProfileView = IntegrationProfileView | ImportProfileView


@dataclass(frozen=True)
class ProfileList:
    """The document of `profiles list --json`."""

    institution: str
    """The institution that was asked, by its name in almaflow.yaml."""
    profiles: tuple[ProfileView, ...]
    """The profiles that fit, by name."""


@dataclass(frozen=True)
class SetView:
    """A saved list of records."""

    id: str
    """Alma's id."""
    name: str
    """Alma's name."""
    type: str
    """`ITEMIZED` for a list of records, `LOGICAL` for a search."""
    content: str
    """What it holds, as Alma's code, such as `ITEM`."""
    description: str
    """What Alma says about it; else empty."""
    private: bool | None
    """Whether only its owner sees it; None when Alma does not say."""
    status: str
    """Alma's code: `ACTIVE` or `INACTIVE`."""
    query: str
    """The search of a logical set; else empty."""
    member_count: int | None
    """None in lists of sets."""
    created_at: str
    """ISO 8601; empty when it is not known."""
    created_by: str
    """Who made it; empty when that is not known."""
    origin: str
    """Alma's code of how it was made, such as `UI`."""
    filled_by: str
    """The id of the job instance that fills a set made from an import run; else empty."""
    link: str
    """The address of the set in Alma's API."""


@dataclass(frozen=True)
class SetList:
    """The document of `sets list --json`."""

    institution: str
    """The institution that was asked, by its name in almaflow.yaml."""
    sets: tuple[SetView, ...]
    """The sets that fit, by name."""


# --- reading --------------------------------------------------------------------------------------


async def read_jobs(alma: OpenInstitution, type: str | None = None) -> list[Job]:
    """Return the jobs that the API can start, by name."""
    jobs = await read_pages(alma.read, lambda offset: calls.list_jobs(type=type, offset=offset))
    return sorted(jobs, key=lambda job: job.name)


async def read_profiles(alma: OpenInstitution) -> list[Profile]:
    """Return the profiles of both kinds, each kind by name."""
    integration = await read_pages(
        alma.read, lambda offset: calls.integration_profiles(offset=offset)
    )
    imports = (await alma.read(calls.import_profiles())).items
    return [
        *sorted(integration, key=lambda entry: entry.name),
        *sorted(imports, key=lambda entry: entry.name),
    ]


async def read_sets(alma: OpenInstitution, content: str | None = None) -> list[AlmaSet]:
    """Return the sets that the API can see, by name."""
    alma_sets = await read_pages(
        alma.read, lambda offset: calls.list_sets(content=content, offset=offset)
    )
    return sorted(alma_sets, key=lambda one: one.name)


def matching(text: str | None, *names: str) -> bool:
    """Whether one of *names* contains *text*, ignoring case."""
    return text is None or any(text.casefold() in name.casefold() for name in names)


def profile_code(profile: Profile) -> str:
    """Return the code of a profile; import profiles have none."""
    return profile.code if isinstance(profile, IntegrationProfile) else ""


# --- views ----------------------------------------------------------------------------------------


def data_of(thing: Any) -> dict[str, Any]:
    """Return an object of Alma as JSON data: instants as text, empty when not known."""
    data = asdict(thing)
    for name, value in data.items():
        if name.endswith("_at"):
            data[name] = value.isoformat() if value is not None else ""
    return data


def job_view(job: Job) -> JobView:
    """Return the view of a job."""
    parameters = tuple(ParameterView(one.name, one.value) for one in job.parameters)
    return JobView(**{**data_of(job), "parameters": parameters})


def set_view(alma_set: AlmaSet) -> SetView:
    """Return the view of a set."""
    return SetView(**data_of(alma_set))


def profile_view(profile: Profile) -> ProfileView:
    """Return the view of a profile."""
    values = {one.name: getattr(profile, one.name) for one in fields(profile)}
    if isinstance(profile, ImportProfile):
        return ImportProfileView("import", **values)
    return IntegrationProfileView("integration", **values)


# --- for a process that stays ---------------------------------------------------------------------


@dataclass(frozen=True)
class KeptList(Generic[T]):
    """A list of an institution, as Alma had it at *read_at*."""

    institution: str
    entries: Sequence[T]
    read_at: datetime


@dataclass(frozen=True)
class _Kept:
    """What is kept of one question: a list, or the refusal that it was answered with."""

    elapsed: float
    found: KeptList[Any] | AlmaError


class AlmaLists:
    """Keeps the lists of institutions for some minutes; safe to use from any thread."""

    def __init__(self, alma: AlmaReader, clock: Clock) -> None:
        self._alma = alma
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._locks: dict[str, threading.Lock] = {}

    def jobs(self, project: Project, institution: str | None) -> KeptList[Job]:
        """Return the jobs of an institution, by name.

        Raises:
            RequestWrong: almaflow.yaml has no such institution.
            AlmaError: Alma did not respond, or refused the request.
        """
        return self._list(project, institution, "jobs", read_jobs)

    def profiles(self, project: Project, institution: str | None) -> KeptList[Profile]:
        """Return the profiles of an institution; Raises: as `jobs`."""
        return self._list(project, institution, "profiles", read_profiles)

    def sets(self, project: Project, institution: str | None) -> KeptList[AlmaSet]:
        """Return the sets of an institution, by name; Raises: as `jobs`."""
        return self._list(project, institution, "sets", read_sets)

    def forget(self, project: Project, institution: str | None) -> None:
        """Let the next reader ask Alma again, unless it was asked some seconds ago.

        Raises:
            RequestWrong: almaflow.yaml has no such institution.
        """
        name = project.institution(institution).name
        for what in ("jobs", "profiles"):
            kept = self._kept.get((name, what))
            if kept is not None and self._age(kept) > _SOONEST:
                self._kept.pop((name, what), None)

    def _list(
        self,
        project: Project,
        institution: str | None,
        what: str,
        read: Callable[[OpenInstitution], Awaitable[list[T]]],
    ) -> KeptList[T]:
        name = project.institution(institution).name
        lock = self._locks.setdefault(name, threading.Lock())
        # Many browsers ask Alma once. The others wait as long as the one that asks may.
        if not lock.acquire(timeout=PATIENCE.total_seconds()):
            raise AlmaSilent(f"Alma at {name} is slow to respond. Try again in a while.")
        try:
            kept = self._kept.get((name, what))
            if kept is None or self._is_old(kept):
                kept = _Kept(self._clock.elapsed(), self._ask(name, read))
                self._kept[name, what] = kept
            if isinstance(kept.found, AlmaError):
                raise kept.found.with_traceback(None)
            return kept.found
        finally:
            lock.release()

    def _ask(
        self, name: str, read: Callable[[OpenInstitution], Awaitable[list[T]]]
    ) -> KeptList[T] | AlmaError:
        try:
            return KeptList(name, self._alma.ask(read, name), self._clock.now())
        except AlmaUnreachable:
            # Nothing was sent, so the next attempt costs no more than this one.
            raise
        except AlmaError as error:
            return error

    def _is_old(self, kept: _Kept) -> bool:
        fresh = _REFUSED if isinstance(kept.found, AlmaError) else _FRESH
        return self._age(kept) > fresh

    def _age(self, kept: _Kept) -> timedelta:
        return timedelta(seconds=self._clock.elapsed() - kept.elapsed)
