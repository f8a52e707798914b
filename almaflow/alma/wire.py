"""The objects in Alma's responses, read tolerantly (`value_parsing.py`).

Each field names the function that reads it, and its key in the response if that differs. Unknown
keys are ignored, missing ones are None or empty. Ids are text. If a response is of the wrong kind
or has no id, `read` raises `UnreadableResponse`.

Source: `alma-api.md`, sections 2 and 4 to 9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from datetime import datetime
from typing import Any, ClassVar, Generic, Self, TypeVar

from almaflow.alma import value_parsing as parse
from almaflow.alma.value_parsing import MOST_ALERTS, MOST_COUNTERS, MOST_ENTRIES, UnreadableResponse
from almaflow.late_dataclasses import built, dataclass

T = TypeVar("T")


def _read(reader: Callable[[Any], T], key: str = "") -> T:
    """Declare a field that *reader* reads from *key* of a response; by default its own name."""
    declared: T = field(default=reader(None), metadata={"reader": reader, "key": key})
    return declared


def _each(
    key: str, reader: Callable[[Any], T | None], most: int = MOST_ENTRIES
) -> Callable[[Any], tuple[T, ...]]:
    """Return what reads the first *most* entries under *key*; *reader* gives None for odd ones."""

    def read(listed: Any) -> tuple[T, ...]:
        found = (reader(entry) for entry in parse.items({key: listed}, key)[:most])
        return tuple(one for one in found if one is not None)

    return read


def _inside(key: str, reader: Callable[[Any], T]) -> Callable[[Any], T]:
    return lambda data: reader(data.get(key) if isinstance(data, Mapping) else None)


class AlmaRecord:
    """Base of the objects in Alma's responses. *noun* is their name in messages."""

    noun: ClassVar[str]

    @classmethod
    def read(cls, data: Any) -> Self:
        """Read the object from *data*; Raises: UnreadableResponse when it is of another kind."""
        data = parse.fields(data, cls.noun)
        shape: Any = cls
        values = {
            one.name: one.metadata["reader"](data.get(one.metadata["key"] or one.name))
            for one in fields(built(shape))
        }
        if values.get("id") == "":
            raise UnreadableResponse(f"the response is not {cls.noun}: it has no valid id")
        return cls(**values)


# --- jobs -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class JobParameter:
    """A named value that a job is submitted with; names may repeat, values may be empty."""

    name: str
    value: str


def _parameter(entry: Any) -> JobParameter | None:
    if not isinstance(entry, Mapping):
        return None
    return JobParameter(parse.text(entry.get("name")), parse.text(entry.get("value")))


@dataclass(frozen=True)
class Job(AlmaRecord):
    """Alma's definition of a process; *profile_id* is of scheduled jobs, else empty."""

    noun = "a job"

    id: str = _read(parse.identifier)
    name: str = _read(parse.name)
    description: str = _read(parse.text)
    type: str = _read(parse.code)
    category: str = _read(parse.code)
    content: str = _read(parse.code)
    schedule: str = _read(parse.text)
    next_run_at: datetime | None = _read(parse.instant, "next_run")
    profile_id: str = _read(parse.identifier, "related_profile")
    parameters: tuple[JobParameter, ...] = _read(_each("parameter", _parameter), "parameter")
    link: str = _read(parse.name)


@dataclass(frozen=True)
class JobDetails(Job):
    """A job with the labels of its codes, as only the job itself shows them, not a list."""

    content_label: str = _read(parse.label, "content")


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


def _counter(entry: Any) -> Counter | None:
    if not isinstance(entry, Mapping):
        return None
    kind = entry.get("type")
    return Counter(parse.name(kind), parse.label(kind), parse.name(entry.get("value")))


def _population(entry: Any) -> Population | None:
    found = entry.get("population") if isinstance(entry, Mapping) else None
    if not parse.name(found):
        return None
    members = parse.whole(entry.get("members")) or 0
    return Population(parse.name(found), parse.label(found), members)


@dataclass(frozen=True)
class JobInstance(AlmaRecord):
    """One execution of a job; *status* is Alma's code (`job_status.py`), *progress* percent.

    *submitted_by* is the account (`exl_api` for the API). *job_id* is never taken from links:
    those of old webhooks name `M0`, which is not a job.
    """

    noun = "a job instance"

    id: str = _read(parse.identifier)
    name: str = _read(parse.name)
    status: str = _read(parse.code)
    status_label: str = _read(parse.label, "status")
    submitted_by: str = _read(parse.name)
    submit_time: datetime | None = _read(parse.instant)
    start_time: datetime | None = _read(parse.instant)
    end_time: datetime | None = _read(parse.instant)
    progress: float | None = _read(parse.number)
    counters: tuple[Counter, ...] = _read(_each("counter", _counter, MOST_COUNTERS), "counter")
    alerts: tuple[Alert, ...] = _read(
        _each("alert", lambda entry: Alert(parse.name(entry), parse.label(entry)), MOST_ALERTS),
        "alert",
    )
    populations: tuple[Population, ...] = _read(_each("action", _population), "action")
    job_id: str = _read(_inside("id", parse.identifier), "job_info")
    job_name: str = _read(_inside("name", parse.name), "job_info")
    external_id: str = _read(parse.name)
    link: str = _read(parse.name)


# --- sets -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class AlmaSet(AlmaRecord):
    """Alma's saved list of records; *member_count* is None in lists of sets.

    *filled_by* is the id of the job instance that fills a set made from an import run, else empty.
    """

    noun = "a set"

    id: str = _read(parse.identifier)
    name: str = _read(parse.name)
    type: str = _read(parse.code)
    content: str = _read(parse.code)
    description: str = _read(parse.text)
    private: bool | None = _read(parse.flag)
    status: str = _read(parse.code)
    query: str = _read(parse.text)
    member_count: int | None = _read(parse.whole, "number_of_members")
    created_at: datetime | None = _read(parse.instant, "created_date")
    created_by: str = _read(parse.name)
    origin: str = _read(parse.name)
    filled_by: str = _read(parse.instance_in_link, "additional_info")
    link: str = _read(parse.name)


@dataclass(frozen=True)
class Member(AlmaRecord):
    """One member of a set; *description* is an item's barcode, a user's name …"""

    noun = "a member of a set"

    id: str = _read(parse.identifier)
    description: str = _read(parse.text)


# --- profiles -------------------------------------------------------------------------------


@dataclass(frozen=True)
class IntegrationProfile(AlmaRecord):
    """A configured exchange with another system; may own several jobs."""

    noun = "an integration profile"

    id: str = _read(parse.identifier)
    code: str = _read(parse.code)
    name: str = _read(parse.name)
    type: str = _read(parse.code)
    system: str = _read(parse.name)
    description: str = _read(parse.text)


@dataclass(frozen=True)
class ImportProfile(AlmaRecord):
    """A metadata import profile; *job_id* is the job to run, empty when it has none."""

    noun = "an import profile"

    id: str = _read(parse.identifier)
    name: str = _read(parse.name)
    job_id: str = _read(parse.identifier)
    type: str = _read(parse.code)
    description: str = _read(parse.text)
    active: bool | None = _read(parse.flag)
    scheduler_status: str = _read(parse.code)


# --- the rest -------------------------------------------------------------------------------


@dataclass(frozen=True)
class General(AlmaRecord):
    """General information about an institution; *environment* is `production` or `sandbox`."""

    noun = "the institution's general information"

    institution_code: str = _read(parse.code, "institution")
    institution_name: str = _read(parse.label, "institution")
    alma_url: str = _read(parse.name)
    environment: str = _read(lambda value: parse.code(value).casefold(), "environment_type")


def _row(entry: Any) -> tuple[str, str] | None:
    if not isinstance(entry, Mapping) or not parse.code(entry.get("code")):
        return None
    return parse.code(entry.get("code")), parse.name(entry.get("description"))


@dataclass(frozen=True)
class CodeTable(AlmaRecord):
    """A table of codes of Alma; *rows* are its codes with their labels."""

    noun = "a code table"

    name: str = _read(parse.name)
    rows: tuple[tuple[str, str], ...] = _read(_each("row", _row), "row")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list; *total* counts all matches, None when Alma did not report it."""

    items: tuple[T, ...]
    total: int | None = None

    @classmethod
    def read(cls, data: Any, key: str, item: Callable[[Any], T]) -> Page[T]:
        """Read the list under *key*, which is absent when empty.

        Raises:
            UnreadableResponse: *data* is not a list, or an entry is not what *item* reads.
        """
        data = parse.fields(data, "a list")
        if key not in data and "total_record_count" not in data:
            raise UnreadableResponse(f"the response has neither `{key}` nor `total_record_count`")
        found = tuple(item(entry) for entry in parse.items(data, key))
        return cls(found, parse.whole(data.get("total_record_count")))
