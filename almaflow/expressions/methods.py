"""What follows a value after a dot: methods of texts, dates and counters, and parts of dates.

Also the functions in scope. Nothing else of Python's objects can be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from almaflow.expressions.budget import Budget
from almaflow.expressions.errors import ExpressionFailed
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.operations import WIDEST, whole
from almaflow.expressions.registry import Operation, table, text_argument
from almaflow.expressions.types import BOOLEAN, DATE, DURATION, NUMBER, TEXT, ListType, Type
from almaflow.expressions.values import Counters, Period, described, to_text

_TEXT = frozenset({"text"})
_DATES = frozenset({"instant", "date"})
_COUNTERS = frozenset({"counters"})
_REQUIRED: Any = object()
# What ends a line for Python.
_LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"

# A millennium: more is a mistake, and this keeps sums within what a duration can hold.
_LONGEST_SPAN_DAYS = 366_000


def replace_text(frame: EvaluationFrame, value: str, old: Any, new: Any, count: Any = None) -> str:
    """Replace *old* in a text, at most *count* times; None: everywhere."""
    old, new = to_text(old), to_text(new)
    limit = -1 if count is None else whole(count)
    times = value.count(old) if limit < 0 else min(value.count(old), limit)
    frame.budget.text(len(value) + times * len(new))
    return value.replace(old, new, limit)


def join_texts(frame: EvaluationFrame, separator: str, values: Any) -> str:
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


Charge = Callable[[Budget, int], None]


def _made(budget: Budget, characters: int) -> None:
    # Some letters become up to three when their case changes.
    budget.text(3 * characters)


def _on_text(act: Callable[[str], Any], charge: Charge) -> Callable[..., Any]:
    def run(frame: EvaluationFrame, value: str) -> Any:
        charge(frame.budget, len(value))
        return act(value)

    return run


def _with_part(act: Callable[[str, str], Any], what: str, charge: Charge) -> Callable[..., Any]:
    """Return what *act* does with a text and a part of it, which messages call *what*."""

    def run(frame: EvaluationFrame, value: str, part: Any) -> Any:
        charge(frame.budget, len(value))
        return act(value, text_argument(part, what))

    return run


def _stripped(strip: Callable[[str, str | None], str]) -> Callable[..., str]:
    def run(frame: EvaluationFrame, value: str, chars: Any = None) -> str:
        frame.budget.text(len(value))
        if chars is not None:
            # Each character of the text is searched for among them.
            frame.budget.reading(len(value) * len(text_argument(chars, "characters")))
        return strip(value, chars)

    return run


def count_lines(frame: EvaluationFrame, value: str) -> int:
    """Return how many lines a text has at most, and charge them as elements."""
    frame.budget.reading(len(_LINE_BREAKS) * len(value))
    lines = 1 + sum(map(value.count, _LINE_BREAKS))
    frame.budget.items(lines)
    return lines


def _padded(pad: Callable[[str, int, str], str]) -> Callable[..., str]:
    def act(frame: EvaluationFrame, value: str, width: Any, fill: Any = " ") -> str:
        if len(text_argument(fill, "filling")) != 1:
            raise ExpressionFailed("The fill character must be one character.")
        frame.budget.text(len(value) + max(0, width_of(width)))
        return pad(value, width, fill)

    return act


def _split(
    frame: EvaluationFrame, value: str, separator: Any = None, maxsplit: Any = -1
) -> list[str]:
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


def _splitlines(frame: EvaluationFrame, value: str) -> list[str]:
    frame.budget.text(len(value))
    count_lines(frame, value)
    return value.splitlines()


def _zfill(frame: EvaluationFrame, value: str, width: Any) -> str:
    frame.budget.text(len(value) + max(0, width_of(width)))
    return value.zfill(width)


def _counter(read: Callable[..., Any]) -> Callable[..., Any]:
    def run(frame: EvaluationFrame, value: Counters, which: Any, default: Any = _REQUIRED) -> Any:
        return read(value, which) if default is _REQUIRED else read(value, which, default)

    return run


_BY_CASE = {
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "capitalize": str.capitalize,
}
_STRIPS = {"strip": str.strip, "lstrip": str.lstrip, "rstrip": str.rstrip}
_PADS = {"ljust": str.ljust, "rjust": str.rjust, "center": str.center}
_QUESTIONS: Mapping[str, Callable[[str], bool]] = {
    "isdigit": lambda text: text.isascii() and text.isdigit(),
    "isalpha": str.isalpha,
    "isalnum": str.isalnum,
    "isupper": str.isupper,
    "islower": str.islower,
    "isspace": str.isspace,
}
_PARTS: Mapping[str, tuple[Callable[[str, str], Any], str, Charge, Type]] = {
    "startswith": (str.startswith, "a beginning", Budget.reading, BOOLEAN),
    "endswith": (str.endswith, "an ending", Budget.reading, BOOLEAN),
    "removeprefix": (str.removeprefix, "a beginning", Budget.text, TEXT),
    "removesuffix": (str.removesuffix, "an ending", Budget.text, TEXT),
    "find": (str.find, "the text to search for", Budget.reading, NUMBER),
    "count": (str.count, "the text to search for", Budget.reading, NUMBER),
}

_OF_DATES = (
    Operation("weekday", lambda frame, value: value.weekday(), NUMBER, _DATES),
    Operation("isoweekday", lambda frame, value: value.isoweekday(), NUMBER, _DATES),
    Operation("isoformat", lambda frame, value: value.isoformat(), TEXT, _DATES),
)

METHODS: Mapping[str, Mapping[str, Operation]] = {
    "text": table(
        *(Operation(name, _on_text(act, _made), TEXT, _TEXT) for name, act in _BY_CASE.items()),
        *(Operation(name, _stripped(strip), TEXT, _TEXT) for name, strip in _STRIPS.items()),
        *(Operation(name, _padded(pad), TEXT, _TEXT) for name, pad in _PADS.items()),
        *(
            Operation(name, _on_text(ask, Budget.reading), BOOLEAN, _TEXT)
            for name, ask in _QUESTIONS.items()
        ),
        *(
            Operation(name, _with_part(act, what, charge), type_, _TEXT)
            for name, (act, what, charge, type_) in _PARTS.items()
        ),
        Operation("replace", replace_text, TEXT, _TEXT),
        Operation("split", _split, ListType(TEXT), _TEXT),
        Operation("splitlines", _splitlines, ListType(TEXT), _TEXT),
        Operation("join", join_texts, TEXT, _TEXT),
        Operation("zfill", _zfill, TEXT, _TEXT),
    ),
    "date": table(*_OF_DATES),
    "instant": table(
        *_OF_DATES, Operation("date", lambda frame, value: value.date(), DATE, _DATES)
    ),
    "duration": table(Operation("total_seconds", lambda frame, value: _seconds(value), NUMBER)),
    "counters": table(
        Operation("number", _counter(Counters.number), NUMBER, _COUNTERS),
        Operation("text", _counter(Counters.text), TEXT, _COUNTERS),
    ),
}
"""Kind of value → name → method, called with brackets."""

_DATE_PARTS = {"year": NUMBER, "month": NUMBER, "day": NUMBER}
ATTRIBUTES: Mapping[str, Mapping[str, Type]] = {
    "date": _DATE_PARTS,
    "instant": {**_DATE_PARTS, "hour": NUMBER, "minute": NUMBER, "second": NUMBER},
}
"""Kind of value → name → type of what is read without brackets."""


def _seconds(value: Period | timedelta) -> float:
    length = value if isinstance(value, timedelta) else value.length
    return length.total_seconds()


def _hours(frame: EvaluationFrame, n: Any) -> Period:
    return Period(elapsed=timedelta(hours=_amount(n, "hours", _LONGEST_SPAN_DAYS * 24)))


def _days(frame: EvaluationFrame, n: Any) -> Period:
    return Period(days=whole(_amount(n, "days", _LONGEST_SPAN_DAYS), "a number of days"))


def _months(frame: EvaluationFrame, n: Any) -> Period:
    return Period(months=whole(_amount(n, "months", 12_000), "a number of months"))


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
