"""Values of inputs: evaluated in order, read as the declared type, within the declared bounds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from almaflow import patterns
from almaflow.errors import RequestWrong
from almaflow.expressions import Budget, ExpressionFailed, parse_template, render, to_text
from almaflow.expressions.budget import NUMBER_BITS
from almaflow.field_types import Plain, Template
from almaflow.foreign_words import boolean_meant
from almaflow.late_patterns import late_pattern
from almaflow.problems import did_you_mean
from almaflow.workflow import Input, Workflow


class InputsInvalid(RequestWrong):
    """The inputs given to a workflow do not fit what it declares."""


def read_input(declared: Input, value: Any) -> Any:
    """Return *value*, text or already of its type, as the declared type.

    Raises:
        ValueError: it does not fit; the text continues a sentence that names the input.
    """
    read = _READERS[declared.type](value)
    if any(isinstance(one, str) and _HALF.search(one) for one in _each(read)):
        raise ValueError("contains half of a character. Write the character itself")
    if declared.pattern is not None:
        _check_matches(to_text(read), declared.pattern)
    if declared.enum is not None:
        allowed = [_READERS[declared.type](one) for one in declared.enum]
        if read not in allowed:
            choices = _first_of([f"`{_value_text(one)}`" for one in allowed], ", ")
            raise ValueError(f"is `{_value_text(read)}`, but must be one of {choices}")
    if declared.minimum is not None and read < declared.minimum:
        raise ValueError(f"is {read}, but must be at least {declared.minimum:.15g}")
    if declared.maximum is not None and read > declared.maximum:
        raise ValueError(f"is {read}, but must be at most {declared.maximum:.15g}")
    if not all(map(_is_reasonable, _each(read))):
        raise ValueError(
            "contains a number that is too large: at most 77 digits are allowed. Put it in "
            "quotes if it is an id"
        )
    return read


# How many values or mistakes one message names.
_MOST_NAMED = 20


def _first_of(texts: Sequence[str], separator: str) -> str:
    """Return the first of *texts* as one, and how many more there are."""
    more = len(texts) - _MOST_NAMED
    shown = [*texts[:_MOST_NAMED], *([f"and {more:,} more"] if more > 0 else [])]
    return separator.join(shown)


def _is_reasonable(value: Any) -> bool:
    if isinstance(value, int):
        return value.bit_length() <= NUMBER_BITS
    return not isinstance(value, float) or math.isfinite(value)


def _each(value: Any) -> Iterator[Any]:
    """Yield *value*, or all that is in it when it is a list or a mapping."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, list):
            waiting += current
        elif isinstance(current, dict):
            waiting += [*current, *current.values()]
        else:
            yield current


# A surrogate without its other half, as JSON can spell it: no file, database or answer takes it.
_HALF = late_pattern("[\ud800-\udfff]")


def _check_matches(text: str, written: str) -> None:
    pattern = patterns.compiled(written)
    if len(text) > pattern.longest:
        raise ValueError(
            f"is {len(text):,} characters long, but at most {pattern.longest:,} are allowed "
            f"with the pattern `{written}`"
        )
    if not pattern.matches(text):
        raise ValueError(f"is `{_value_text(text)}`, which does not match the pattern `{written}`")


def _text_of(value: Any) -> str | None:
    if isinstance(value, Plain):
        return value.text
    return value if isinstance(value, str) else None


def _as_string(value: Any) -> str:
    text = _text_of(value)
    if text is not None:
        return text
    try:
        return to_text(value)
    except ExpressionFailed:
        raise ValueError("must be text") from None


# `1.000`, `1,000`, `1'000`: with signs between thousands.
_GROUPED = late_pattern(r"[0-9]{1,3}(?:[.,'’ ][0-9]{3})+")
_TODAY = ("today", "heute", "aujourd'hui", "now", "jetzt")


def _as_integer(value: Any) -> int:
    text = _text_of(value)
    if text is not None and re.fullmatch(r"[+-]?[0-9]{1,300}", text.strip()):
        return int(text)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    meant = re.sub(r"\D", "", text) if text is not None and _GROUPED.fullmatch(text) else ""
    such = f" such as {meant}" if meant else ""
    raise ValueError(f"is `{_value_text(value)}`, but must be a whole number{such}")


def _as_number(value: Any) -> float:
    text = _text_of(value)
    if text is not None and re.fullmatch(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?", text.strip()):
        return float(text) if "." in text else int(text)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    is_decimal = text is not None and re.fullmatch(r"[+-]?[0-9]{1,300},[0-9]{1,300}", text.strip())
    such = f" such as {text.strip().replace(',', '.')}" if text and is_decimal else ""
    raise ValueError(f"is `{_value_text(value)}`, but must be a number{such}")


def _as_boolean(value: Any) -> bool:
    text = _text_of(value)
    if text is not None and text.strip().lower() in ("true", "false"):
        return text.strip().lower() == "true"
    if isinstance(value, bool):
        return value
    meant = boolean_meant(text or "")
    write = f"`{meant}`" if meant else "`true` or `false`"
    raise ValueError(f"is `{_value_text(value)}`, but must be {write}")


def _as_date(value: Any) -> date:
    text = _text_of(value)
    if text is not None and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip()):
        try:
            return date.fromisoformat(text.strip())
        except ValueError:
            raise ValueError(f"is `{text}`, which is not a valid date of the calendar") from None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    # The room of timetables takes a while to import, which only a wrong date should pay.
    from almaflow.timetable.spoken_times import date_meant

    if (text or "").strip().casefold() in _TODAY:
        raise ValueError(
            f"is `{text}`, but must be a date such as 2026-12-24, or `{{{{ today }}}}`"
        )
    meant = date_meant(text or "") or "2026-12-24"
    raise ValueError(f"is `{_value_text(value)}`, but must be a date such as {meant}")


class _Ambiguous(ValueError):
    """JSON that programs read in different ways."""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; Raises: _Ambiguous when a name is in it twice."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise _Ambiguous(f"has the name `{name[:100]}` twice in one object. Keep one of them")
        made[name] = value
    return made


def _refuse_constant(name: str) -> None:
    raise _Ambiguous(f"contains `{name}`, which JSON does not have. Use a number or a text")


def _as_list(value: Any) -> list[Any]:
    text = _text_of(value)
    if text is not None and text.lstrip().startswith("["):
        try:
            value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_refuse_constant)
        except _Ambiguous:
            raise
        except (ValueError, RecursionError):
            raise ValueError('must be a list: `a,b,c` or JSON (`["a", "b"]`)') from None
    elif text is not None:
        return [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(value, list):
        return [item.text if isinstance(item, Plain) else item for item in value]
    raise ValueError(f"is `{_value_text(value)}`, but must be a list such as `a,b,c`")


def _value_text(value: Any) -> str:
    text = _text_of(value)
    if text is None:
        text = (
            "{…}"
            if isinstance(value, Mapping)
            else "[…]"
            if isinstance(value, list)
            else str(value)
        )
    return text[:100]


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "string": _as_string,
    "integer": _as_integer,
    "number": _as_number,
    "boolean": _as_boolean,
    "date": _as_date,
    "list": _as_list,
}


def evaluate_value(
    value: Any, names: Mapping[str, Any], where: str, budget: Budget | None = None
) -> Any:
    """Return *value* with its templates filled in, all on one *budget*; Raises: InputsInvalid."""
    budget = budget or Budget()
    match value:
        case Template():
            try:
                return render(parse_template(value.text), names, budget)
            except ExpressionFailed as error:
                raise InputsInvalid(f"`{where}` cannot be evaluated: {error}") from error
        case Plain():
            return value.value
        case dict():
            return {key: evaluate_value(item, names, where, budget) for key, item in value.items()}
        case list():
            return [evaluate_value(item, names, where, budget) for item in value]
    return value


def evaluate_inputs(
    workflow: Workflow,
    supplied: Mapping[str, Any],
    names: dict[str, Any],
    how_to_give: str = "with `-i {name}=…`",
) -> None:
    """Put inputs and `vars` into *names*, which has the others; each sees those above it.

    *how_to_give* says in a message where a value that is missing can be given.

    Raises:
        InputsInvalid: one is missing, unknown, does not fit or cannot be evaluated.
    """
    names["inputs"], names["vars"] = {}, {}
    # They follow each other without a pause, and all of them are recorded with the run.
    budget = Budget()
    _evaluate_inputs(workflow, supplied, names, how_to_give, budget)
    for name, value in workflow.vars.items():
        names["vars"][name] = evaluate_value(value, names, f"vars.{name}", budget)


def _evaluate_inputs(
    workflow: Workflow,
    supplied: Mapping[str, Any],
    names: dict[str, Any],
    how_to_give: str,
    budget: Budget,
) -> None:
    """Put the inputs into *names*; all that is wrong with them is reported together."""
    wrong = [
        f"`{_value_text(name)}` is not an input of this workflow"
        + did_you_mean(name, workflow.inputs)
        for name in supplied
        if name not in workflow.inputs
    ]
    for name, declared in workflow.inputs.items():
        try:
            if name in supplied:
                value = supplied[name]
                if not isinstance(value, Plain):
                    value = evaluate_value(value, names, f"inputs.{name}", budget)
                value = read_input(declared, value)
            elif declared.is_required:
                wrong.append(
                    f"the input `{name}` needs a value: specify it {how_to_give.format(name=name)}"
                    + (f" ({declared.description})" if declared.description else "")
                )
                continue
            elif isinstance(declared.default, Plain):
                value = read_input(declared, declared.default)
            else:
                where = f"inputs.{name}.default"
                value = read_input(declared, evaluate_value(declared.default, names, where, budget))
        except ValueError as error:
            wrong.append(f"the input `{name}` {error}")
            continue
        except InputsInvalid:
            if wrong:
                # It asks for one of those that are wrong already.
                continue
            raise
        names["inputs"][name] = value
    if wrong:
        text = _first_of(wrong, "; ").rstrip(".")
        end = "" if text.endswith("?") else "."
        raise InputsInvalid(f"{text[0].upper()}{text[1:]}{end}")
