"""What a caller of a simulated Alma needs to be there, beyond what its requests show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class WantedJob:
    """A job by its id, its name, or both; what is not known is empty."""

    id: str
    name: str
    scheduled: bool = False
    """Whether one that is known by its name only is a scheduled job."""


@dataclass(frozen=True)
class WantedProfile:
    """A profile by its id, code or name; what is not known is empty.

    *job* is how the name of its job begins; empty: it has one job.
    """

    id: str = ""
    code: str = ""
    name: str = ""
    job: str = ""
    is_import: bool = False


@dataclass(frozen=True)
class WantedUse:
    """A job that runs on a set, which is known by its id or by a pattern of its name."""

    job: WantedJob
    set: str


@dataclass(frozen=True)
class WantedRun:
    """A run that Alma or a person starts: of a job, or of a profile's job, under a name."""

    job: WantedJob | WantedProfile
    name: str = ""


class AskedValue(Protocol):
    """What a caller asks of a value: its members, its elements, or its form and what it meets.

    *form* is `text`, `number`, `boolean`, `date`, `barcode`, `mms_id`, `user_id`, `id` or empty.
    *bounds* are conditions on the value, of a list on how many elements it has: an operator (`==`,
    `<`, ...) and a limit.
    """

    @property
    def members(self) -> Mapping[str, AskedValue]: ...
    @property
    def element(self) -> AskedValue | None: ...
    @property
    def form(self) -> str: ...
    @property
    def bounds(self) -> tuple[tuple[str, Any], ...]: ...


@dataclass(frozen=True)
class WantedReport:
    """A report: a pattern of its path (`*`: any characters) and headings that it must have.

    *rows* is what is asked of its rows, a list of mappings or of texts.
    """

    path: str
    columns: tuple[str, ...]
    rows: AskedValue | None = None


@dataclass(frozen=True)
class WantedRead:
    """A resource that is read: patterns of its path below `/almaws/v1` and of its parameters.

    *value* is what is asked of the response, of which all pages are *joined* or not.
    """

    path: str
    query: tuple[tuple[str, str], ...]
    value: AskedValue
    joined: bool = False


MEMBERS = "{members}"
"""The limit of a `Bound` that is the size of the set that a run works on."""


@dataclass(frozen=True)
class Bound:
    """A condition on a value: `==`, `>`, `>=`, `<` or `<=`, and what it is compared with.

    Of a text, `in` says that it has the other one in it.
    """

    operator: str
    value: float | str


@dataclass(frozen=True)
class WantedCounter:
    """A counter that a caller reads in the report of a run.

    *job* is the job's id or name, `*` for every job. *key* is the counter's key, or its position
    from 0. *bounds* are the conditions that it should meet.
    """

    job: str
    key: str | int
    bounds: tuple[Bound, ...] = ()


def fitted(value: str, bounds: Iterable[Bound]) -> str:
    """Return *value*, changed where it does not meet one of the *bounds*; later ones count more."""
    for bound in bounds:
        if isinstance(bound.value, str):
            met = bound.operator == "in" and bound.value in value
            value = bound.value if bound.operator in ("==", "in") and not met else value
        elif not _meets(value, bound.operator, bound.value):
            value = _nearest(bound.operator, bound.value)
    return value


def _meets(value: str, operator: str, limit: float) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    meets = {
        "==": number == limit,
        ">": number > limit,
        ">=": number >= limit,
        "<": number < limit,
        "<=": number <= limit,
    }
    return meets[operator]


def _nearest(operator: str, limit: float) -> str:
    """Return the number next to *limit* that meets the condition, of those that counters have."""
    whole = {
        "==": limit,
        ">": math.floor(limit) + 1,
        ">=": math.ceil(limit),
        "<": math.ceil(limit) - 1,
        "<=": math.floor(limit),
    }[operator]
    return str(int(whole)) if float(whole).is_integer() else str(whole)


@dataclass(frozen=True)
class Wanted:
    """Everything that is wanted; patterns are texts in which `*` is any characters."""

    sets: tuple[str, ...] = ()
    """Names, or patterns of names, of sets that are searched for."""
    own_sets: tuple[str, ...] = ()
    """Patterns of the sets that the caller makes itself: nothing is made up for them."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """What sets hold, by name or id, as far as it is known."""
    logical: frozenset[str] = frozenset()
    """Names and ids of the sets that must be logical ones."""
    members: tuple[Bound, ...] = ()
    """Conditions on the number of members of sets that Alma fills."""
    jobs: tuple[WantedJob, ...] = ()
    profiles: tuple[WantedProfile, ...] = ()
    uses: tuple[WantedUse, ...] = ()
    runs: tuple[WantedRun, ...] = ()
    reports: tuple[WantedReport, ...] = ()
    counters: tuple[WantedCounter, ...] = ()
    reads: tuple[WantedRead, ...] = ()
