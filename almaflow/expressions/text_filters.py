"""Filters that work on one value: texts, numbers, dates."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import wraps
from typing import Any

from jinja2 import filters as jinja

from almaflow.expressions.errors import ExpressionFailed
from almaflow.expressions.frame import EvaluationFrame
from almaflow.expressions.methods import METHODS, count_lines, width_of
from almaflow.expressions.operations import format_text, number, whole
from almaflow.expressions.parser import GRAMMAR
from almaflow.expressions.registry import SCALARS, Operation, table, text_argument
from almaflow.expressions.types import NUMBER, TEXT
from almaflow.expressions.values import Period, to_text

_NUMBER = frozenset({"number"})
_DATES = frozenset({"instant", "date"})

# The directives that mean the same on every system.
_DATE_DIRECTIVE = re.compile(r"%(?:[aAbBcdfHIjmMpSuUVwWxXyYGzZ%])")
# Beyond this a number has no digits left to round.
_MOST_DIGITS = 300


def check_date_format(pattern: str) -> str:
    """Return the sentence about a format that `date` does not take, else nothing."""
    rest = _DATE_DIRECTIVE.sub("", pattern)
    if "%" in rest:
        wrong = rest[rest.index("%") :][:2]
        return (
            f"`{wrong}` has no meaning in a date's format. Write, for example, `%Y-%m-%d`, "
            "`%d.%m.%Y` or `%H:%M`."
        )
    if rest == pattern and (meant := _format_meant(pattern)):
        return (
            f"The format `{pattern}` gives the same text for every date. Write `{meant}` in place "
            "of it."
        )
    return ""


# `YYYY-MM-DD` of Java and Excel, `TT.MM.JJJJ` of a German Excel, by their first letter.
_DIRECTIVES = {"y": "%Y", "j": "%Y", "d": "%d", "t": "%d", "m": "%m", "h": "%H", "s": "%S"}


def _format_meant(pattern: str) -> str:
    """Return the format that *pattern* is in the letters of other programs; empty: it is none."""
    meant, after = "", ""
    for match in re.finditer(r"([A-Za-z])\1*|[^A-Za-z]+", pattern):
        run = match[0]
        letter = run[0].casefold()
        directive = _DIRECTIVES.get(letter, run)
        if letter.isascii() and letter.isalpha() and run != "T" and directive == run:
            return ""
        if run == "T":
            directive = run
        elif letter == "m" and after[:1] in ("h", "H"):
            directive = "%M"
        elif letter in "yj" and len(run) == len("yy"):
            directive = "%y"
        meant += directive
        after = run if match[1] else after
    return meant if "%" in meant else ""


def _date(frame: EvaluationFrame, value: date, format: Any) -> str:
    pattern = text_argument(format, "the format")
    problem = check_date_format(pattern)
    if problem:
        raise ExpressionFailed(problem)
    frame.budget.text(len(pattern) * 30)
    return value.strftime(pattern)


def _epoch_ms(frame: EvaluationFrame, value: date) -> int:
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(), frame.zone)
    elif value.tzinfo is None:
        value = value.replace(tzinfo=frame.zone)
    return (value - datetime.fromisoformat("1970-01-01T00:00+00:00")) // timedelta(milliseconds=1)


def _slug(frame: EvaluationFrame, value: Any) -> str:
    text = to_text(value)
    frame.budget.text(18 * len(text))
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    words = re.findall(r"[a-z0-9]+", plain.encode("ascii", "ignore").decode().lower())
    return "-".join(words)


def _string(frame: EvaluationFrame, value: Any) -> str:
    text = to_text(value)
    frame.budget.text(len(text))
    return text


def _title(frame: EvaluationFrame, value: Any) -> str:
    text = _string(frame, value)
    frame.budget.items(len(text))
    return jinja.do_title(text)


def _of_method(name: str, method: str, work: int) -> Operation:
    """Return the filter that does with any value as text what the method does with a text."""
    act = METHODS["text"][method].act

    @wraps(act)
    def run(frame: EvaluationFrame, value: Any, *args: Any, **kwargs: Any) -> Any:
        return act(frame, to_text(value), *args, **kwargs)

    return Operation(name, run, TEXT, SCALARS, work)


def _center(frame: EvaluationFrame, value: Any, width: Any = 80) -> str:
    text = _string(frame, value)
    frame.budget.text(max(0, width_of(width)))
    return text.center(width)


def _indent(
    frame: EvaluationFrame, value: str, width: Any = 4, first: Any = False, blank: Any = False
) -> str:
    prefix = width if isinstance(width, str) else " " * width_of(width)
    lines = count_lines(frame, value)
    frame.budget.text(2 * len(value) + lines * len(prefix))
    return jinja.do_indent(value, prefix, bool(first), bool(blank))


def _truncate(
    frame: EvaluationFrame,
    value: str,
    length: Any = 255,
    killwords: Any = False,
    end: Any = "...",
    leeway: Any = None,
) -> str:
    if whole(length, "a length") < len(text_argument(end, "an ending")):
        raise ExpressionFailed(f"A text shortened to {length} characters has no room for `{end}`.")
    most = None if leeway is None else max(0, whole(leeway, "a leeway"))
    frame.budget.text(len(value) + len(end))
    return jinja.do_truncate(GRAMMAR, value, length, bool(killwords), end, most)


def _wordcount(frame: EvaluationFrame, value: str) -> int:
    frame.budget.reading(len(value))
    frame.budget.items(len(value) // 2)
    return jinja.do_wordcount(value)


def _urlencode(frame: EvaluationFrame, value: Any) -> str:
    text = to_text(value)
    frame.budget.text(12 * len(text))
    return jinja.do_urlencode(text)


def _format(frame: EvaluationFrame, value: str, *values: Any) -> str:
    return format_text(frame.budget, value, values)


def _tojson(frame: EvaluationFrame, value: Any, indent: Any = None) -> str:
    spaces = None if indent is None else max(0, min(width_of(indent), 16))
    frame.budget.json(value, spaces or 0)
    return json.dumps(value, ensure_ascii=False, default=_json_scalar, indent=spaces)


def _json_scalar(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else to_text(value)


def _int(frame: EvaluationFrame, value: Any, default: Any = 0, base: Any = 10) -> Any:
    _check_digits(value)
    if not 2 <= whole(base, "a base") <= 36:
        raise ExpressionFailed("A base must be a number from 2 to 36.")
    try:
        return number(jinja.do_int(value, default, base))
    except OverflowError:
        return default


def _float(frame: EvaluationFrame, value: Any, default: Any = 0.0) -> Any:
    _check_digits(value)
    try:
        number = jinja.do_float(value, default)
    except OverflowError:
        return default
    return number if not isinstance(number, float) or math.isfinite(number) else default


def _check_digits(value: Any) -> None:
    if isinstance(value, str) and len(value) > _MOST_DIGITS:
        raise ExpressionFailed(f"A number can have at most {_MOST_DIGITS} digits.")


def _round(frame: EvaluationFrame, value: Any, precision: Any = 0, method: Any = "common") -> Any:
    if not -_MOST_DIGITS <= whole(precision, "a number of digits") <= _MOST_DIGITS:
        raise ExpressionFailed(f"A number can be rounded to at most {_MOST_DIGITS} digits.")
    if method not in ("common", "ceil", "floor"):
        raise ExpressionFailed("A number can be rounded only by 'common', 'ceil' or 'floor'.")
    try:
        return number(jinja.do_round(value, precision, method))
    except OverflowError:
        raise ExpressionFailed("The result is too large or not a number.") from None


def _abs(frame: EvaluationFrame, value: Any) -> Any:
    if isinstance(value, Period):
        return value if value.length >= timedelta() else value.negative()
    return abs(value)


def _filesizeformat(frame: EvaluationFrame, value: Any, binary: Any = False) -> str:
    return jinja.do_filesizeformat(value, bool(binary))


_LIKE_NUMBERS = frozenset({"text", "number", "boolean", "nothing"})
_TEXT = frozenset({"text"})

TEXT_FILTERS = table(
    Operation(
        "date", _date, TEXT, _DATES, 16, "a date or instant as text: `{{ now | date('%Y-%m-%d') }}`"
    ),
    Operation(
        "epoch_ms", _epoch_ms, NUMBER, _DATES, 16, "an instant as milliseconds, for Alma's jobs"
    ),
    Operation("slug", _slug, TEXT, SCALARS, 10, "text that is allowed in a file name"),
    Operation("string", _string, TEXT, SCALARS, work=12),
    *(_of_method(name, name, work=12) for name in ("lower", "upper", "capitalize")),
    Operation("title", _title, TEXT, SCALARS, work=12),
    _of_method("trim", "strip", work=12),
    _of_method("replace", "replace", work=10),
    Operation("center", _center, TEXT, SCALARS, work=12),
    Operation("indent", _indent, TEXT, _TEXT, work=20),
    Operation("truncate", _truncate, TEXT, _TEXT, work=8),
    Operation("wordcount", _wordcount, NUMBER, _TEXT, work=8),
    Operation("urlencode", _urlencode, TEXT, SCALARS, work=20),
    Operation("format", _format, TEXT, _TEXT, work=10),
    Operation("tojson", _tojson, TEXT, work=40),
    Operation("int", _int, NUMBER, _LIKE_NUMBERS, work=10),
    Operation("float", _float, NUMBER, _LIKE_NUMBERS, work=8),
    Operation("round", _round, NUMBER, _NUMBER),
    Operation("abs", _abs, lambda type_: type_, frozenset({"number", "duration"})),
    Operation("filesizeformat", _filesizeformat, TEXT, _NUMBER),
)
