"""What a snapshot says about one institution, as values.

Nothing in it is secret: no keys, no values of parameters, no ids of records, no names of persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from functools import cached_property
from typing import Literal

from almaflow.late_dataclasses import dataclass
from almaflow.snapshot.lookups import JobLookup, ProfileLookup

JOBS = "jobs"
INTEGRATION_PROFILES = "integration_profiles"
IMPORT_PROFILES = "import_profiles"
STATUSES = "statuses"
CONTENTS = "contents"
CATEGORIES = "categories"

PARTS = (JOBS, INTEGRATION_PROFILES, IMPORT_PROFILES, STATUSES, CONTENTS, CATEGORIES)
"""What a key may be allowed to read, or not: the parts that may be missing."""

FROM_ALMA = "alma"
FROM_PAYLOAD = "payload"
"""Where the names of a job's parameters come from: Alma, or a payload of its wizard."""

NUMBER, TEXT, MIXED = "number", "text", "mixed"
"""The form of a counter's values: all numbers, none a number, or both were seen."""


@dataclass(frozen=True)
class JobEntry:
    """A job of Alma. What Alma's list of jobs does not show is empty until it was read.

    *profile* is the id of the profile of a scheduled job. *parameters* are names.
    """

    id: str
    name: str = ""
    description: str = ""
    type: str = ""
    category: str = ""
    content: str = ""
    content_label: str = ""
    schedule: str = ""
    profile: str = ""
    parameters: tuple[str, ...] = ()
    parameters_from: str = ""

    @property
    def title(self) -> str:
        """The job in messages, such as `M44 (Export Bibliographic records)`."""
        return f"{self.id} ({self.name})" if self.name else self.id


@dataclass(frozen=True)
class ProfileEntry:
    """An integration or import profile, and the ids of its jobs. Import profiles have no code."""

    kind: Literal["integration", "import"]
    id: str
    code: str = ""
    name: str = ""
    type: str = ""
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True)
class CounterEntry:
    """A counter that instances of a job reported; *form* is what its values are."""

    job: str
    key: str
    label: str = ""
    form: str = TEXT


@dataclass(frozen=True)
class StatusEntry:
    """A status with which an instance of a job was seen."""

    job: str
    status: str


@dataclass(frozen=True)
class Section:
    """What is known of one institution of almaflow.yaml, as Alma showed it on the day *taken*.

    *code* and *environment* are Alma's own. *statuses*, *contents* and *categories* are code
    tables: codes and labels. *missing* are the `PARTS` that the key could not read; what is there
    of such a part is from an earlier day.
    """

    institution: str
    taken: date
    code: str = ""
    environment: str = ""
    simulated: bool = False
    missing: tuple[str, ...] = ()
    jobs: tuple[JobEntry, ...] = ()
    profiles: tuple[ProfileEntry, ...] = ()
    counters: tuple[CounterEntry, ...] = ()
    statuses_seen: tuple[StatusEntry, ...] = ()
    statuses: Mapping[str, str] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)

    def knows(self, part: str) -> bool:
        """Whether the *part* was read, so that what is not in it was not in Alma."""
        if part in self.missing:
            return False
        if part == JOBS:
            return bool(self.jobs)
        return True

    @cached_property
    def job_lookup(self) -> JobLookup[JobEntry]:
        """Finds jobs by id or name."""
        return JobLookup(self.jobs)

    @cached_property
    def profile_lookup(self) -> ProfileLookup[ProfileEntry]:
        """Finds profiles by id, code or name."""
        return ProfileLookup(self.profiles)

    def counters_of(self, job_id: str) -> list[CounterEntry]:
        """Return the counters that were seen in instances of a job."""
        return [one for one in self.counters if one.job == job_id]

    @cached_property
    def every_status(self) -> frozenset[str]:
        """The codes of the table and those seen."""
        return frozenset([*self.statuses, *(one.status for one in self.statuses_seen)])

    @property
    def source(self) -> str:
        """What messages rest on, such as `the snapshot of Alma at main (2026-11-29)`."""
        alma = "the simulated Alma" if self.simulated else "Alma"
        return f"the snapshot of {alma} at `{self.institution}` ({self.taken:%Y-%m-%d})"


@dataclass(frozen=True)
class Snapshot:
    """The whole file: a section for each institution, by its name in almaflow.yaml."""

    sections: Mapping[str, Section] = field(default_factory=dict)

    @cached_property
    def statuses(self) -> frozenset[str]:
        """Every status code that one of the institutions has."""
        return frozenset().union(*(one.every_status for one in self.sections.values()))

    def section(self, institution: str | None) -> Section | None:
        """Return the section of an institution; without a name, the only one there is."""
        if institution is not None:
            return self.sections.get(institution)
        return next(iter(self.sections.values())) if len(self.sections) == 1 else None
