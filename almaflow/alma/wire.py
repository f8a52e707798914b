"""The shapes of Alma's answers, read tolerantly (`value_parsing.py`).

Unknown fields are ignored, missing ones are None or empty. Ids are text. Where an answer is not
even of the right kind, `read` raises `Unreadable`.

Source: `alma-api.md`, sections 2 and 4 to 9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from almaflow.alma.value_parsing import (
    MOST_ALERTS,
    MOST_COUNTERS,
    Unreadable,
    code,
    fields,
    flag,
    identifier,
    instance_in_link,
    instant,
    items,
    label,
    name,
    number,
    text,
    whole,
)

T = TypeVar("T")


# --- jobs -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class JobParameter:
    """A named value that a job is submitted with; names may repeat, values may be empty."""

    name: str
    value: str


@dataclass(frozen=True)
class Job:
    """Alma's definition of a process; *profile_id* is of scheduled jobs, else empty."""

    id: str
    name: str = ""
    description: str = ""
    type: str = ""
    category: str = ""
    content: str = ""
    schedule: str = ""
    next_run_at: datetime | None = None
    profile_id: str = ""
    parameters: tuple[JobParameter, ...] = ()
    link: str = ""

    @classmethod
    def read(cls, data: Any) -> Job:
        """Raises `Unreadable` when *data* is no job."""
        data = fields(data, "a job")
        return cls(
            id=_id(data, "a job"),
            name=name(data.get("name")),
            description=text(data.get("description")),
            type=code(data.get("type")),
            category=code(data.get("category")),
            content=code(data.get("content")),
            schedule=text(data.get("schedule")),
            next_run_at=instant(data.get("next_run")),
            profile_id=identifier(data.get("related_profile")),
            parameters=tuple(
                JobParameter(text(entry.get("name")), text(entry.get("value")))
                for entry in items(data, "parameter")
                if isinstance(entry, Mapping)
            ),
            link=name(data.get("link")),
        )


@dataclass(frozen=True)
class Counter:
    """One line of a run's report; *key* is technical or free text, *value* is always text."""

    key: str
    label: str
    value: str


@dataclass(frozen=True)
class Alert:
    """One message of a run's report: Alma's code and what it says."""

    key: str
    text: str


@dataclass(frozen=True)
class Population:
    """Records of an import run that a set can be made of; *members* is Alma's estimate."""

    code: str
    label: str
    members: int


@dataclass(frozen=True)
class JobInstance:
    """One execution of a job; *status* is Alma's code (`job_status.py`), *progress* percent.

    *submitted_by* is the account (`exl_api` for the API). *job_id* is never taken from links:
    those of old webhooks name `M0`, which is no job.
    """

    id: str
    name: str = ""
    status: str = ""
    status_label: str = ""
    submitted_by: str = ""
    submit_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    progress: float | None = None
    counters: tuple[Counter, ...] = ()
    alerts: tuple[Alert, ...] = ()
    populations: tuple[Population, ...] = ()
    job_id: str = ""
    job_name: str = ""
    external_id: str = ""
    link: str = ""

    @classmethod
    def read(cls, data: Any) -> JobInstance:
        """Raises `Unreadable` when *data* is no job instance."""
        data = fields(data, "a job instance")
        job = data.get("job_info")
        job = job if isinstance(job, Mapping) else {}
        return cls(
            id=_id(data, "a job instance"),
            name=name(data.get("name")),
            status=code(data.get("status")),
            status_label=label(data.get("status")),
            submitted_by=name(data.get("submitted_by")),
            submit_time=instant(data.get("submit_time")),
            start_time=instant(data.get("start_time")),
            end_time=instant(data.get("end_time")),
            progress=number(data.get("progress")),
            counters=tuple(
                Counter(name(entry.get("type")), label(entry.get("type")), name(entry.get("value")))
                for entry in items(data, "counter")[:MOST_COUNTERS]
                if isinstance(entry, Mapping)
            ),
            alerts=tuple(
                Alert(name(entry), label(entry)) for entry in items(data, "alert")[:MOST_ALERTS]
            ),
            populations=tuple(
                Population(name(found), label(found), whole(entry.get("members")) or 0)
                for entry in items(data, "action")
                if isinstance(entry, Mapping) and name(found := entry.get("population"))
            ),
            job_id=identifier(job.get("id")),
            job_name=name(job.get("name")),
            external_id=name(data.get("external_id")),
            link=name(data.get("link")),
        )


# --- sets -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class AlmaSet:
    """Alma's saved list of records; *member_count* is None in lists, which do not tell it.

    *filled_by* is the id of the job instance that fills a set made from an import run, else empty.
    """

    id: str
    name: str = ""
    type: str = ""
    content: str = ""
    description: str = ""
    private: bool | None = None
    status: str = ""
    query: str = ""
    member_count: int | None = None
    created_at: datetime | None = None
    created_by: str = ""
    origin: str = ""
    filled_by: str = ""
    link: str = ""

    @classmethod
    def read(cls, data: Any) -> AlmaSet:
        """Raises `Unreadable` when *data* is no set."""
        data = fields(data, "a set")
        return cls(
            id=_id(data, "a set"),
            name=name(data.get("name")),
            type=code(data.get("type")),
            content=code(data.get("content")),
            description=text(data.get("description")),
            private=flag(data.get("private")),
            status=code(data.get("status")),
            query=text(data.get("query")),
            member_count=whole(data.get("number_of_members")),
            created_at=instant(data.get("created_date")),
            created_by=name(data.get("created_by")),
            origin=name(data.get("origin")),
            filled_by=instance_in_link(data.get("additional_info")),
            link=name(data.get("link")),
        )


@dataclass(frozen=True)
class Member:
    """One member of a set; *description* is an item's barcode, a user's name …"""

    id: str
    description: str = ""

    @classmethod
    def read(cls, data: Any) -> Member:
        """Raises `Unreadable` when *data* is no member."""
        data = fields(data, "a member of a set")
        return cls(_id(data, "a member of a set"), text(data.get("description")))


# --- profiles -------------------------------------------------------------------------------


@dataclass(frozen=True)
class IntegrationProfile:
    """A configured exchange with another system; may own several jobs."""

    id: str
    code: str = ""
    name: str = ""
    type: str = ""
    system: str = ""
    description: str = ""

    @classmethod
    def read(cls, data: Any) -> IntegrationProfile:
        """Raises `Unreadable` when *data* is no integration profile."""
        data = fields(data, "an integration profile")
        return cls(
            id=_id(data, "an integration profile"),
            code=code(data.get("code")),
            name=name(data.get("name")),
            type=code(data.get("type")),
            system=name(data.get("system")),
            description=text(data.get("description")),
        )


@dataclass(frozen=True)
class ImportProfile:
    """A metadata import profile; *job_id* is the job to run, empty when it has none."""

    id: str
    name: str = ""
    job_id: str = ""
    type: str = ""
    description: str = ""
    active: bool | None = None
    scheduler_status: str = ""

    @classmethod
    def read(cls, data: Any) -> ImportProfile:
        """Raises `Unreadable` when *data* is no import profile."""
        data = fields(data, "an import profile")
        return cls(
            id=_id(data, "an import profile"),
            name=name(data.get("name")),
            job_id=identifier(data.get("job_id")),
            type=code(data.get("type")),
            description=text(data.get("description")),
            active=flag(data.get("active")),
            scheduler_status=code(data.get("scheduler_status")),
        )


# --- the rest -------------------------------------------------------------------------------


@dataclass(frozen=True)
class General:
    """What an institution says of itself; *environment* is `production` or `sandbox`."""

    institution_code: str = ""
    institution_name: str = ""
    alma_url: str = ""
    environment: str = ""

    @classmethod
    def read(cls, data: Any) -> General:
        """Raises `Unreadable` when *data* is not the general object."""
        data = fields(data, "the institution's general information")
        return cls(
            institution_code=code(data.get("institution")),
            institution_name=label(data.get("institution")),
            alma_url=name(data.get("alma_url")),
            environment=code(data.get("environment_type")).casefold(),
        )


@dataclass(frozen=True)
class CodeRow:
    """One row of a code table."""

    code: str
    description: str = ""
    enabled: bool | None = None

    @classmethod
    def read(cls, data: Any) -> CodeRow:
        """Raises `Unreadable` when *data* is no row."""
        data = fields(data, "a row of a code table")
        return cls(code(data.get("code")), text(data.get("description")), flag(data.get("enabled")))


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list; *total* counts all matches, None when Alma did not tell."""

    items: tuple[T, ...]
    total: int | None = None

    @classmethod
    def read(cls, data: Any, key: str, item: Callable[[Any], T]) -> Page[T]:
        """Read the list under *key*, which is absent when empty.

        Raises:
            Unreadable: *data* is no list, or an entry is not what *item* reads.
        """
        data = fields(data, "a list")
        if key not in data and "total_record_count" not in data:
            raise Unreadable(f"the answer has neither `{key}` nor `total_record_count`")
        found = tuple(item(entry) for entry in items(data, key))
        return cls(found, whole(data.get("total_record_count")))


def _id(data: Mapping[str, Any], noun: str) -> str:
    found = identifier(data.get("id"))
    if not found:
        raise Unreadable(f"the answer is not {noun}: it has no id that can be one")
    return found
