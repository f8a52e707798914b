"""What a snapshot says about one institution, as values.

Nothing in it is secret: no keys, no values of parameters, no ids of records, no names of persons.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date
from functools import cached_property
from typing import Generic, Literal, Protocol, TypeVar

from almaflow.alma.value_parsing import job_label, normal_name
from almaflow.late_dataclasses import dataclass

# From this likeness on an id may be another one with a typing error: `M441` and `M44`.
_LIKENESS = 0.75
_LONG_ID = 7
_LIKENESS_OF_LONG_IDS = 0.9
_LIKENESS_OF_NAMES = 0.85
# Letters in which the beginnings of two words agree at least: `bibs` and `bibliographic`.
_SAME_LETTERS = 3
_NEAREST = 3


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


class _Coded(_Named, Protocol):
    @property
    def code(self) -> str: ...

    @property
    def kind(self) -> str: ...


J = TypeVar("J", bound=_Named)
P = TypeVar("P", bound=_Coded)


class JobLookup(Generic[J]):
    """Finds jobs by id or name."""

    def __init__(self, jobs: Iterable[J]) -> None:
        self.by_id = {job.id: job for job in jobs}
        self._by_label: defaultdict[str, list[J]] = defaultdict(list)
        for job in self.by_id.values():
            self._by_label[job_label(job.name)].append(job)

    def named(self, name: str) -> list[J]:
        """Return the jobs of this name; those that have it exactly, if there are such."""
        labelled = self._by_label.get(job_label(name), [])
        exact = [job for job in labelled if normal_name(job.name) == normal_name(name)]
        return exact or list(labelled)

    def near_ids(self, id: str) -> list[J]:
        """Return the jobs whose ids resemble *id* most; ids of another letter do not."""
        same_letter = [one for one in self.by_id if one[:1] == id[:1]]
        # Ids that an institution gives are long, and begin and end alike.
        likeness = _LIKENESS if len(id) <= _LONG_ID else _LIKENESS_OF_LONG_IDS
        near = difflib.get_close_matches(id, same_letter, n=_NEAREST, cutoff=likeness)
        return [self.by_id[one] for one in near]

    def near_names(self, name: str) -> list[J]:
        """Return the jobs whose name resembles *name* most, or has its words or their beginnings.

        `Export bibs` is found as `Export Bibliographic records`.
        """
        label = job_label(name)
        near = difflib.get_close_matches(label, self._by_label, n=1, cutoff=_LIKENESS_OF_NAMES)
        if not near:
            near = [one for one in self._by_label if _has_words(one, label.split())]
            near.sort(key=lambda one: (len(one.split()), one))
        if not near:
            near = difflib.get_close_matches(label, self._by_label, n=1)
        return [self._by_label[one][0] for one in near[:_NEAREST]]


def _has_words(label: str, wanted: list[str]) -> bool:
    """Whether each of the *wanted* words is one of *label*, or both begin alike."""
    words = label.split()
    return all(any(_begin_alike(one, word) for word in words) for one in wanted)


def _begin_alike(one: str, other: str) -> bool:
    shorter = min(len(one), len(other))
    pairs = enumerate(zip(one, other, strict=False))
    same = next((place for place, (here, there) in pairs if here != there), shorter)
    return one == other or (same >= _SAME_LETTERS and same >= shorter - 1)


class ProfileLookup(Generic[P]):
    """Finds profiles by id, code or name; these are compared exactly."""

    def __init__(self, profiles: Iterable[P]) -> None:
        self._profiles = list(profiles)

    def of_kind(self, kind: str) -> list[P]:
        """Return the integration or the import profiles."""
        return [one for one in self._profiles if one.kind == kind]

    def matching(self, kind: str, field: str, value: str) -> list[P]:
        """Return those of a *kind* whose *field* (`id`, `code`, `name`) is *value*."""
        wanted = normal_name(value)
        return [one for one in self.of_kind(kind) if normal_name(getattr(one, field)) == wanted]


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
