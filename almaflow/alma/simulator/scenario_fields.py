"""The kinds of value that scenario files use: durations, moments, patterns, text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

_DURATION = re.compile(
    r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?"
)
_DURATION_SCHEMA = r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"
_DIGITS = re.compile(r"\d+")
# Longer numbers would leave the calendar.
_MOST_DIGITS = 6
_BEFORE = re.compile(r"-\s*(.+)")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")

# An end that never comes, and the longest duration of a scenario. Three of them after the last
# year that a scenario may name are still in the calendar.
NEVER = timedelta(days=36500)
_YEARS = range(1900, 2200)

# What a scenario may hold. Every request passes all rules, so there are not many of them.
_MOST_RULES = 1_000
_LONGEST_TEXT = 2_000  # Characters; Alma's own texts have at most a few hundred.
# Sets of the largest libraries hold about as many; the simulator lists them in seconds.
MOST_MEMBERS = 10_000_000
_LARGEST_LIMIT = 1_000_000_000

T = TypeVar("T")
Few = Annotated[tuple[T, ...], Field(max_length=_MOST_RULES)]
MemberCount = Annotated[int, Field(ge=0, le=MOST_MEMBERS)]
Limit = Annotated[int, Field(ge=0, le=_LARGEST_LIMIT)]


def count_in(text: str) -> int | None:
    """Return the number of records that a counter's *text* says; None when it says none."""
    if not (text.isdecimal() and len(text) <= len(str(MOST_MEMBERS))):
        return None
    return min(int(text), MOST_MEMBERS)


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    match = _DURATION.fullmatch(text)
    if not text or match is None or max(map(len, _DIGITS.findall(text))) > _MOST_DIGITS:
        raise PydanticCustomError(
            "bad_value",
            "{text} is not a valid duration; write 90s, 10m, 4h, 2d or 1h30m",
            {"text": text or "Nothing"},
        )
    duration = timedelta(**{unit: int(number or 0) for unit, number in match.groupdict().items()})
    if duration > NEVER:
        raise PydanticCustomError(
            "bad_value",
            "{text} is too long; a duration is at most {days}d (100 years)",
            {"text": text, "days": NEVER.days},
        )
    return duration


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": _DURATION_SCHEMA, "examples": ["90s", "1h30m"]}),
]


@dataclass(frozen=True)
class Moment:
    """An instant of a simulation: since its start, by the library's clock, or a date and time.

    What its methods return is in UTC.
    """

    since_start: timedelta | None = None
    time_of_day: time | None = None
    instant: datetime | None = None

    def first(self, start: datetime, zone: tzinfo) -> datetime:
        """Return the first such instant at or after *start* (for a date: just that one)."""
        if self.since_start is not None:
            return start + self.since_start
        if self.instant is not None:
            aware = self.instant if self.instant.tzinfo else self.instant.replace(tzinfo=zone)
            return aware.astimezone(UTC)
        found = self._on_the_day_of(start, zone)
        return found if found >= start else self._on_the_day_of(start + timedelta(days=1), zone)

    def latest(self, now: datetime, start: datetime, zone: tzinfo) -> datetime:
        """Return the last such instant up to *now*; a time of day comes back every day."""
        if self.time_of_day is None:
            return self.first(start, zone)
        found = self._on_the_day_of(now, zone)
        return found if found <= now else self._on_the_day_of(now - timedelta(days=1), zone)

    def _on_the_day_of(self, instant: datetime, zone: tzinfo) -> datetime:
        local = instant.astimezone(zone)
        at = datetime.combine(local.date(), self.time_of_day or time(0), tzinfo=zone)
        return at.astimezone(UTC)


def _moment(value: Any) -> Any:
    if isinstance(value, Moment):
        return value
    if isinstance(value, datetime):
        return Moment(instant=_in_the_calendar(value))
    text = str(value).strip()
    if match := _CLOCK.fullmatch(text):
        return Moment(time_of_day=time(int(match.group(1)), int(match.group(2))))
    if text and _DURATION.fullmatch(text):
        return Moment(since_start=_duration(text))
    if (before := _BEFORE.fullmatch(text)) and _DURATION.fullmatch(before[1]):
        return Moment(since_start=-_duration(before[1]))
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError(
            "bad_value",
            "{text} is not a valid point in time; write a time of day (02:00), a time after the "
            "start of the simulation (1h30m) or before it (-3d), or a date and time "
            "(2026-03-02T01:00:00Z)",
            {"text": text or "Nothing"},
        ) from None
    return Moment(instant=_in_the_calendar(instant))


def _in_the_calendar(instant: datetime) -> datetime:
    if instant.year not in _YEARS:
        raise PydanticCustomError(
            "bad_value",
            "{text} is out of range; write a year from {first} to {last}",
            {"text": instant.isoformat(), "first": _YEARS[0], "last": _YEARS[-1]},
        )
    return instant


def _no_number(value: Any) -> Any:
    if re.fullmatch(r"[-+]?[0-9._]+", str(value)):
        # Pydantic would take it for the seconds since 1970.
        raise PydanticCustomError("datetime_parsing", "A number is not an instant.")
    return value


# When a simulation begins.
Start = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_the_calendar)]

MomentField = Annotated[
    Moment,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "examples": ["02:00", "10m", "-3d", "2026-03-02T01:00:00Z"]}),
]


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


# A single value or a list of them.
def _schema(kind: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [kind, {"type": "array", "items": kind}]})


Texts = Annotated[
    tuple[str, ...],
    Field(max_length=_MOST_RULES),
    BeforeValidator(_one_or_many),
    _schema({"type": ["string", "number"]}),
]
Numbers = Annotated[
    tuple[Annotated[int, Field(ge=1, le=_LARGEST_LIMIT)], ...],
    Field(max_length=_MOST_RULES),
    BeforeValidator(_one_or_many),
    _schema({"type": "integer", "minimum": 1}),
]

# A text in which `*` matches any characters and `?` one.
Glob = Annotated[str, Field(min_length=1, max_length=1000)]


def fits(pattern: str, text: str) -> bool:
    """Tell whether *text* matches the glob *pattern*; case counts.

    What is between two `*` is taken where it comes first, which leaves the most for the rest; so
    nothing is tried twice, and the time has a bound (length of the text times the pattern's).
    """
    return _compiled(pattern).fullmatch(text) is not None


# Room for all patterns of a scenario: each is used for every request.
@lru_cache(maxsize=4 * _MOST_RULES)
def _compiled(pattern: str) -> re.Pattern[str]:
    first, *rest = (
        "".join("." if c == "?" else re.escape(c) for c in p) for p in pattern.split("*")
    )
    if rest:
        *middle, last = rest
        first += "".join(f"(?>.*?{part})" for part in middle if part) + ".*" + last
    return re.compile(first, re.DOTALL)


_NOTHING = ("", "~", "null", "Null", "NULL")


def as_texts(data: Any) -> Any:
    """Replace values that know how they were written (`text`, `value`) by their text."""
    if isinstance(data, dict):
        # Of a response's JSON, values keep their types.
        texts = {
            key: _typed(value) if key == "json" else as_texts(value) for key, value in data.items()
        }
        # An empty value is missing, as in workflows.
        return {key: text for key, text in texts.items() if text is not None}
    if isinstance(data, (list, tuple)):
        return [as_texts(value) for value in data]
    if hasattr(data, "text") and hasattr(data, "value"):
        return None if data.value is None and data.text in _NOTHING else data.text
    return data


def _typed(data: Any) -> Any:
    """Replace values that know how they were written by their values."""
    if isinstance(data, dict):
        return {key: _typed(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_typed(value) for value in data]
    return data.value if hasattr(data, "text") and hasattr(data, "value") else data


class Part(BaseModel):
    """A mapping of a scenario file."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        arbitrary_types_allowed=True,
        str_max_length=_LONGEST_TEXT,
    )


class Scoped(Part):
    """A part that may be meant for some of the simulated institutions only."""

    institution: Glob = Field(
        default="*",
        description="Name of the institution that this applies to; `*`: every institution.",
    )

    def meant_for(self, institution: str) -> bool:
        """Tell whether this part concerns the institution of that name."""
        return fits(self.institution, institution)
