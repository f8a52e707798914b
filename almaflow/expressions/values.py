"""The values that expressions work on: counters, spans of time, and any value as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from almaflow.durations import format_duration
from almaflow.expressions.budget import NUMBER_BITS
from almaflow.expressions.errors import ExpressionFailed, NotDefined
from almaflow.expressions.types import KINDS
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern

_NUMBER = late_pattern(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?")
_REQUIRED: Any = object()

# Ten thousand years: no two dates are further apart, and all sums stay within a `timedelta`.
_LONGEST_DAYS = 3_660_000


class Counters(list[Mapping[str, str]]):
    """The counters of a run in Alma, in its order: mappings with `key`, `label`, `value`."""

    def text(self, which: str | int, default: Any = _REQUIRED) -> Any:
        """Return the value of the counter with this key or label (the first of several), or at
        this position.

        Positions count from 0, as in `counters[0]`. Without the counter, *default* is
        returned when it is given.

        Raises:
            NotDefined: there is no such counter and no default; lists those there are.
        """
        text = self._find(which)
        if text is not None:
            return text
        if default is not _REQUIRED:
            return default
        what = f"`{which}`" if isinstance(which, str) else f"number {which}"
        raise NotDefined(f"There is no counter {what}. {self._listed()}.")

    def number(self, which: str | int, default: Any = _REQUIRED) -> Any:
        """Return the same as a number.

        Raises:
            NotDefined: there is no such counter and no default.
            ExpressionFailed: its value is not a number.
        """
        text = self.text(which, None if default is not _REQUIRED else _REQUIRED)
        if text is None:
            return default
        if _NUMBER.fullmatch(text.strip()) is None:
            raise ExpressionFailed(
                f"The counter `{which}` is not a number, but the text `{text[:100]}`. "
                f"{self._listed()}."
            )
        return float(text) if "." in text else int(text)

    def _find(self, which: str | int) -> str | None:
        if isinstance(which, str):
            named = self._with("key", which) or self._with("label", which)
            return named[0] if named else None
        if isinstance(which, bool) or not isinstance(which, int) or which < 0:
            raise ExpressionFailed(
                "Select a counter by its key, in quotes, or by its position (the first is 0)."
            )
        value = self[which].get("value") if which < len(self) else None
        return None if value is None else str(value)

    def _with(self, part: str, which: str) -> list[str]:
        """Return the values of the counters whose key or label is *which*; of labels, upper and
        lower case and the number of spaces do not count.
        """
        wanted = which if part == "key" else _plain(which)
        return [
            str(one["value"])
            for one in self
            if one.get("value") is not None
            and wanted == (one.get(part) if part == "key" else _plain(one.get(part) or ""))
        ]

    def _listed(self) -> str:
        if not self:
            return "The run has no counters"
        counters = [f"`{one.get('key', '')}` ({one.get('value', '')})" for one in self[:20]]
        more = ", …" if len(self) > len(counters) else ""
        return f"The run has {', '.join(counters)}{more}"


def _plain(label: str) -> str:
    return " ".join(label.split()).casefold()


@dataclass(frozen=True)
class Period:
    """A duration: calendar months and days, and elapsed time.

    A day is a day of the calendar (23 or 25 hours when clocks change), an hour is 60 minutes.
    """

    months: int = 0
    days: int = 0
    elapsed: timedelta = timedelta()

    def __post_init__(self) -> None:
        longest = max(abs(self.months) * 30, abs(self.days), abs(self.elapsed.days))
        if longest > _LONGEST_DAYS:
            raise ExpressionFailed("This duration is too long.")

    def plus(self, other: Period) -> Period:
        """Return both together; Raises: ExpressionFailed."""
        return Period(
            self.months + other.months, self.days + other.days, self.elapsed + other.elapsed
        )

    def negative(self) -> Period:
        """Return the same backwards."""
        return Period(-self.months, -self.days, -self.elapsed)

    @property
    def length(self) -> timedelta:
        """How long it is, a day taken as 24 hours; Raises: ExpressionFailed for months."""
        if self.months:
            raise ExpressionFailed("A month has no fixed length. Add `months(…)` to a date.")
        return timedelta(days=self.days) + self.elapsed


def span_of(value: Period | timedelta) -> Period:
    """Return a duration that came from outside as a span."""
    return Period(elapsed=value) if isinstance(value, timedelta) else value


def comparable(value: Any) -> Any:
    """Return a value that Python orders as people do: instants in UTC, durations by length."""
    if isinstance(value, datetime):
        # Python compares two instants of one zone by the hands of the clock.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value.length if isinstance(value, Period) else value


def shift(start: date, span: Period) -> date:
    """Return *start* moved by *span*: months stop at a month's last day, hours are real hours.

    Raises:
        ExpressionFailed: a date without time is moved by hours, or the year leaves 1 to 9999.
    """
    try:
        moved = _add_months(start, span.months) + timedelta(days=span.days)
        if not isinstance(moved, datetime):
            if span.elapsed % timedelta(days=1):
                raise ExpressionFailed(
                    "Hours cannot be added to a date without a time. Use `days(…)`."
                )
            return moved + span.elapsed
        if moved.tzinfo is None:
            return moved + span.elapsed
        # By way of UTC, so that hours are real hours and no hour comes out that was skipped.
        return (moved.astimezone(UTC) + span.elapsed).astimezone(moved.tzinfo)
    except (OverflowError, ValueError):
        raise ExpressionFailed("The date is outside of the years 1 to 9999.") from None


def _add_months(start: date, months: int) -> date:
    if not months:
        return start
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = 31
    while True:
        try:
            return start.replace(year=year, month=month + 1, day=min(start.day, last))
        except ValueError:
            if last == 28:
                raise
            last -= 1


_KIND_OF: Mapping[type, str] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "boolean",
    datetime: "instant",
    date: "date",
    type(None): "nothing",
    list: "list",
    tuple: "list",
    dict: "mapping",
    Counters: "counters",
    Period: "duration",
    timedelta: "duration",
}
_KIND_OF_SUBCLASS: tuple[tuple[type, str], ...] = (
    (str, "text"),
    (bool, "boolean"),
    (int, "number"),
    (float, "number"),
    (datetime, "instant"),
    (date, "date"),
    (Mapping, "mapping"),
    (Sequence, "list"),
)


def kind_of(value: Any) -> str:
    """Return the kind of *value*, one of `types.KINDS`; Raises: ExpressionFailed."""
    kind = _KIND_OF.get(type(value))
    if kind is not None:
        return kind
    for parent, kind in _KIND_OF_SUBCLASS:
        if isinstance(value, parent):
            return kind
    raise ExpressionFailed(
        f"A value of the type {type(value).__name__} cannot be used in an expression."
    )


def described(value: Any) -> str:
    """Return what *value* is, for messages: `a number`, `text`."""
    return KINDS[kind_of(value)]


def to_text(value: Any) -> str:
    """Return *value* as it is written in a text: `true`, digits, ISO 8601.

    Raises:
        ExpressionFailed: a list, a mapping or nothing has no form as text.
    """
    kind = kind_of(value)
    if kind == "text":
        return str(value)
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "number":
        return _number_text(value)
    if kind in ("instant", "date"):
        return str(value.isoformat())
    if kind == "duration":
        return _span_text(span_of(value))
    advice = {"nothing": "Add `| default('…', true)`", "mapping": "Select one of its keys"}
    raise ExpressionFailed(
        f"This is {KINDS[kind]}, which cannot be written as text. "
        f"{advice.get(kind, 'Use `| join(…)` or `| first`')}, or `| tojson`."
    )


def _number_text(value: int | float) -> str:
    if isinstance(value, int):
        if value.bit_length() > 4 * NUMBER_BITS:
            raise ExpressionFailed("This number is too large.")
        return str(int(value))
    if not math.isfinite(value):
        raise ExpressionFailed("This is not a finite number.")
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def _span_text(span: Period) -> str:
    exact = timedelta(days=span.days) + span.elapsed
    length = timedelta(seconds=round(exact.total_seconds()))
    if not span.months:
        return format_duration(length)
    return f"{span.months} months {format_duration(length) if length else ''}".rstrip()
