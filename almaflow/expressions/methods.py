"""What follows a value after a dot: methods of texts, dates and counters, and parts of dates.

Also the functions in scope. Nothing else of Python's objects can be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from almaflow.expressions.errors import ExpressionFailed
from almaflow.expressions.frame import Frame
from almaflow.expressions.operations import WIDEST, whole
from almaflow.expressions.registry import Operation, table, text_argument
from almaflow.expressions.types import (
    BOOLEAN,
    DATE,
    DURATION,
    NUMBER,
    TEXT,
    ListOf,
    Type,
)
from almaflow.expressions.values import Counters, Span, described, to_text

_TEXT = frozenset({"text"})
_DATES = frozenset({"instant", "date"})
_COUNTERS = frozenset({"counters"})
_REQUIRED: Any = object()
# What ends a line for Python.
_LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"

# A millennium: more is a mistake, and this keeps sums within what a duration can hold.
_LONGEST_SPAN_DAYS = 366_000


def replace_text(frame: Frame, value: str, old: Any, new: Any, count: Any = None) -> str:
    """Replace *old* in a text, at most *count* times; None: everywhere."""
    old, new = to_text(old), to_text(new)
    limit = -1 if count is None else whole(count)
    times = value.count(old) if limit < 0 else min(value.count(old), limit)
    frame.budget.text(len(value) + times * len(new))
    return value.replace(old, new, limit)


def join_texts(frame: Frame, separator: str, values: Any) -> str:
    """Join the items of a list as texts."""
    if not isinstance(values, (list, tuple)):
        raise ExpressionFailed(f"A list of texts is expected here, not {described(values)}.")
    frame.budget.items(len(values))
    texts = []
    for value in values:
        if not isinstance(value, str):
            frame.budget.items(8)
        texts.append(to_text(value))
        frame.budget.text(len(texts[-1]) + len(separator))
    return separator.join(texts)


def width_of(value: Any) -> int:
    """Return a width in characters; Raises: ExpressionFailed beyond `WIDEST`."""
    if whole(value, "a width") > WIDEST:
        raise ExpressionFailed(f"A width of more than {WIDEST:,} is not allowed.")
    return int(value)


def _same_length(change: Callable[[str], str]) -> Callable[..., str]:
    def act(frame: Frame, value: str) -> str:
        # Some letters become up to three when their case changes.
        frame.budget.text(3 * len(value))
        return change(value)

    return act


def _question(ask: Callable[[str], bool]) -> Callable[..., bool]:
    def act(frame: Frame, value: str) -> bool:
        frame.budget.reading(len(value))
        return ask(value)

    return act


def stripped(frame: Frame, value: str, chars: Any, strip: Callable[[str, str | None], str]) -> str:
    """Strip *chars*, or white space when it is None, by one of Python's three methods."""
    frame.budget.text(len(value))
    if chars is None:
        return strip(value, None)
    # Each character of the text is searched for among them.
    frame.budget.reading(len(value) * len(text_argument(chars, "characters")))
    return strip(value, chars)


def _stripped(strip: Callable[[str, str | None], str]) -> Callable[..., str]:
    return lambda frame, value, chars=None: stripped(frame, value, chars, strip)


def count_lines(frame: Frame, value: str) -> int:
    """Return how many lines a text has at most, and charge them as elements."""
    frame.budget.reading(len(_LINE_BREAKS) * len(value))
    lines = 1 + sum(map(value.count, _LINE_BREAKS))
    frame.budget.items(lines)
    return lines


def _padded(pad: Callable[[str, int, str], str]) -> Callable[..., str]:
    def act(frame: Frame, value: str, width: Any, fill: Any = " ") -> str:
        if len(text_argument(fill, "filling")) != 1:
            raise ExpressionFailed("The fill character must be one character.")
        frame.budget.text(len(value) + max(0, width_of(width)))
        return pad(value, width, fill)

    return act


def _startswith(frame: Frame, value: str, start: Any) -> bool:
    return value.startswith(text_argument(start, "a beginning"))


def _endswith(frame: Frame, value: str, end: Any) -> bool:
    return value.endswith(text_argument(end, "an ending"))


def _removeprefix(frame: Frame, value: str, prefix: Any) -> str:
    frame.budget.text(len(value))
    return value.removeprefix(text_argument(prefix, "a beginning"))


def _removesuffix(frame: Frame, value: str, suffix: Any) -> str:
    frame.budget.text(len(value))
    return value.removesuffix(text_argument(suffix, "an ending"))


def _split(frame: Frame, value: str, separator: Any = None, maxsplit: Any = -1) -> list[str]:
    limit = whole(maxsplit)
    frame.budget.text(len(value))
    if separator is None:
        frame.budget.items(len(value) // 2 + 1 if limit < 0 else min(limit, len(value)) + 1)
        return value.split(maxsplit=limit)
    if not text_argument(separator, "a separator"):
        raise ExpressionFailed("A text cannot be split at an empty text.")
    parts = value.count(separator) + 1
    frame.budget.items(parts if limit < 0 else min(parts, limit + 1))
    return value.split(separator, limit)


def _splitlines(frame: Frame, value: str) -> list[str]:
    frame.budget.text(len(value))
    count_lines(frame, value)
    return value.splitlines()


def _find(frame: Frame, value: str, part: Any) -> int:
    frame.budget.reading(len(value))
    return value.find(text_argument(part, "the text to search for"))


def _count(frame: Frame, value: str, part: Any) -> int:
    frame.budget.reading(len(value))
    return value.count(text_argument(part, "the text to search for"))


def _zfill(frame: Frame, value: str, width: Any) -> str:
    frame.budget.text(len(value) + max(0, width_of(width)))
    return value.zfill(width)


def _counter_number(frame: Frame, value: Counters, which: Any, default: Any = _REQUIRED) -> Any:
    return value.number(which) if default is _REQUIRED else value.number(which, default)


def _counter_text(frame: Frame, value: Counters, which: Any, default: Any = _REQUIRED) -> Any:
    return value.text(which) if default is _REQUIRED else value.text(which, default)


METHODS: Mapping[str, Mapping[str, Operation]] = {
    "text": table(
        Operation("lower", _same_length(str.lower), TEXT, _TEXT),
        Operation("upper", _same_length(str.upper), TEXT, _TEXT),
        Operation("title", _same_length(str.title), TEXT, _TEXT),
        Operation("capitalize", _same_length(str.capitalize), TEXT, _TEXT),
        Operation("strip", _stripped(str.strip), TEXT, _TEXT),
        Operation("lstrip", _stripped(str.lstrip), TEXT, _TEXT),
        Operation("rstrip", _stripped(str.rstrip), TEXT, _TEXT),
        Operation("startswith", _startswith, BOOLEAN, _TEXT),
        Operation("endswith", _endswith, BOOLEAN, _TEXT),
        Operation("removeprefix", _removeprefix, TEXT, _TEXT),
        Operation("removesuffix", _removesuffix, TEXT, _TEXT),
        Operation("replace", replace_text, TEXT, _TEXT),
        Operation("split", _split, ListOf(TEXT), _TEXT),
        Operation("splitlines", _splitlines, ListOf(TEXT), _TEXT),
        Operation("join", join_texts, TEXT, _TEXT),
        Operation("find", _find, NUMBER, _TEXT),
        Operation("count", _count, NUMBER, _TEXT),
        Operation("isdigit", _question(lambda text: text.isascii() and text.isdigit()), BOOLEAN),
        Operation("isalpha", _question(str.isalpha), BOOLEAN, _TEXT),
        Operation("isalnum", _question(str.isalnum), BOOLEAN, _TEXT),
        Operation("isupper", _question(str.isupper), BOOLEAN, _TEXT),
        Operation("islower", _question(str.islower), BOOLEAN, _TEXT),
        Operation("isspace", _question(str.isspace), BOOLEAN, _TEXT),
        Operation("zfill", _zfill, TEXT, _TEXT),
        Operation("ljust", _padded(str.ljust), TEXT, _TEXT),
        Operation("rjust", _padded(str.rjust), TEXT, _TEXT),
        Operation("center", _padded(str.center), TEXT, _TEXT),
    ),
    "date": table(
        Operation("weekday", lambda frame, value: value.weekday(), NUMBER, _DATES),
        Operation("isoweekday", lambda frame, value: value.isoweekday(), NUMBER, _DATES),
        Operation("isoformat", lambda frame, value: value.isoformat(), TEXT, _DATES),
    ),
    "instant": table(
        Operation("weekday", lambda frame, value: value.weekday(), NUMBER, _DATES),
        Operation("isoweekday", lambda frame, value: value.isoweekday(), NUMBER, _DATES),
        Operation("isoformat", lambda frame, value: value.isoformat(), TEXT, _DATES),
        Operation("date", lambda frame, value: value.date(), DATE, _DATES),
    ),
    "duration": table(
        Operation("total_seconds", lambda frame, value: _seconds(value), NUMBER),
    ),
    "counters": table(
        Operation("number", _counter_number, NUMBER, _COUNTERS),
        Operation("text", _counter_text, TEXT, _COUNTERS),
    ),
}
"""Kind of value → name → method, called with brackets."""

_DATE_PARTS = {"year": NUMBER, "month": NUMBER, "day": NUMBER}
ATTRIBUTES: Mapping[str, Mapping[str, Type]] = {
    "date": _DATE_PARTS,
    "instant": {**_DATE_PARTS, "hour": NUMBER, "minute": NUMBER, "second": NUMBER},
}
"""Kind of value → name → type of what is read without brackets."""


def _seconds(value: Span | timedelta) -> float:
    length = value if isinstance(value, timedelta) else value.length
    return length.total_seconds()


def _hours(frame: Frame, n: Any) -> Span:
    return Span(elapsed=timedelta(hours=_amount(n, "hours", _LONGEST_SPAN_DAYS * 24)))


def _days(frame: Frame, n: Any) -> Span:
    return Span(days=whole(_amount(n, "days", _LONGEST_SPAN_DAYS), "a number of days"))


def _months(frame: Frame, n: Any) -> Span:
    return Span(months=whole(_amount(n, "months", 12_000), "a number of months"))


def _amount(value: Any, unit: str, most: int) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionFailed(f"A number of {unit} is expected, not {described(value)}.")
    if not -most <= value <= most:
        raise ExpressionFailed(f"At most {most:,} {unit} can be added or subtracted.")
    return value


FUNCTIONS: Mapping[str, Operation] = table(
    Operation("hours", _hours, DURATION),
    Operation("days", _days, DURATION),
    Operation("months", _months, DURATION),
)
"""The functions that are called by name, to move dates."""


def attribute_of(value: date, name: str) -> int:
    """Return a part of a date that `ATTRIBUTES` lists."""
    return int(getattr(value, name))
