"""What does not fit a model: pydantic's errors as problems with place and plain words."""

from __future__ import annotations

import re
import typing
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from almaflow.alma_keys import holds_key
from almaflow.document import Document, PathTo
from almaflow.document.hazards import ALMA_KEY
from almaflow.field_types import Plain
from almaflow.foreign_words import VALUES
from almaflow.lookalikes import latin, look_alike_advice
from almaflow.misplaced_keys import unknown_key
from almaflow.model_fields import place_of
from almaflow.one_cause import Cause, Finding, Mistake, one_for_each_cause, wholes_of
from almaflow.problems import MOST_PROBLEMS, Problem, did_you_mean
from almaflow.unknown_keys import WrongKey
from almaflow.wrong_shapes import name_missing, pair_as_text, shape_advice
from almaflow.yaml_in_line import in_line, shown_of, sort_of, value_text

_MAPPING_EXPECTED = ("wrong_type", "model_type", "dict_type")


def problems_of(
    document: Document, model: type[BaseModel], error: ValidationError
) -> tuple[set[Problem], int]:
    """Return what *error* says about *document*; of very many problems the first, and the number
    of the others.
    """
    details = error.errors(include_url=False)
    misfits = list(_without_other_forms([_Misfit(document, model, one) for one in details]))
    # What is wrong with a value that holds an API key is that it does.
    if any(one.code == ALMA_KEY for one in document.findings):
        misfits = [one for one in misfits if not one.is_alma_key]
    findings = [one.finding() for one in misfits[:MOST_PROBLEMS]]
    wholes = wholes_of(findings)
    rest = misfits[MOST_PROBLEMS:]
    left_out = sum(not wholes & {one.key[:-1], one.key[:-2]} for one in rest)
    return {one.problem for one in one_for_each_cause(findings)}, left_out


class _Misfit:
    """One of pydantic's errors, and what of its path is in the document.

    Pydantic's path also names the form of a value it tried (of `list | str`) and keys that a
    short form is short for; *form* is the first such names and *form_at* the path in front of them.
    """

    def __init__(self, document: Document, model: type[BaseModel], detail: ErrorDetails) -> None:
        self.document = document
        self.model = model
        self.kind = detail["type"]
        self.message = detail["msg"]
        self.input = detail["input"]
        self.context = dict(detail.get("ctx", {}))
        location = detail["loc"]
        self.is_about_key = bool(location) and location[-1] == "[key]"
        self.missing = str(location[-1]) if self.kind == "missing" else ""
        path: PathTo = ()
        self.form: str | None = None
        self.form_at: PathTo = ()
        for element in location[:-1] if self.missing else location:
            if document.has((*path, element)):
                path = (*path, element)
            elif self.form is None and element != "[key]":
                self.form, self.form_at = str(element), path
            elif self.form is not None and path == self.form_at:
                self.form = f"{self.form}.{element}"
        self.path = path

    @property
    def is_misfit(self) -> bool:
        """Whether the value is of the wrong sort altogether, not wrong somewhere inside."""
        sort = self.kind.endswith(("_type", "_parsing")) or self.kind == "wrong_type"
        return self.path == self.form_at and (sort or self.kind == "literal_error")

    @property
    def is_alma_key(self) -> bool:
        """Whether the value is an API key of Alma, or holds one and is wrong as a whole."""
        is_whole = self.kind in ("wrong_type", "literal_key")
        is_one = not isinstance(self.input, dict | list) or len(self.input) == 1
        return (is_whole or (self.kind == "extra_forbidden" and is_one)) and holds_key(self.input)

    @property
    def value_text(self) -> str:
        """The value as a piece of a sentence."""
        return value_text(self.input)

    @property
    def subject(self) -> str:
        """What the value is called: its key, when it has one."""
        last = self.path[-1] if self.path else 0
        return f"`{last}`" if isinstance(last, str) else "This value"

    @cached_property
    def wrong_key(self) -> WrongKey | None:
        """What is wrong about the key, when it is not known."""
        if self.kind != "extra_forbidden":
            return None
        return unknown_key(self.document, self.model, self.path)

    @property
    def key(self) -> PathTo:
        """The path of the value, or of the key that is missing."""
        return (*self.path, self.missing) if self.missing else self.path

    def finding(self) -> Finding:
        """Return the problem, with the key that it is about."""
        if self.wrong_key:
            return Finding(self.problem(), self.key, self.wrong_key.cause)
        if self.kind in _MAPPING_EXPECTED and (
            why := name_missing(self.document, self.model, self.path)
        ):
            place = self.document.key_location(self.path)
            cause = Cause(Mistake.MISPLACED, self.path[:-1], "")
            return Finding(self.document.problem(place, "wrong-type", why), self.key, cause)
        is_of_key = self.kind in ("missing", "wrong_type", "no_kind")
        return Finding(self.problem(), self.key if is_of_key else None)

    def problem(self) -> Problem:
        """Return the problem."""
        document, path = self.document, self.path
        is_expected = self.kind in _MAPPING_EXPECTED and isinstance(self.input, str)
        if is_expected and (pair := pair_as_text(document, self.model, path, self.input)):
            return pair
        code, message = self._say()
        # A model's own check may name the key it is about, or the characters of the text.
        key, offset = self.context.get("key"), self.context.get("offset")
        if "choices" in self.context:
            key, message = self._choice(self.context["choices"], message)
        if isinstance(key, str) and document.has((*path, key)):
            place = document.key_location((*path, key))
        elif isinstance(offset, int):
            place = document.locate(path, offset, self.context.get("length", 1))
        elif self.kind in ("missing", "extra_forbidden") or self.is_about_key:
            place = document.key_location(path)
        else:
            place = document.location_of(path)
        return document.problem(place, code, message, fix=self._fix())

    def _fix(self) -> str:
        """Return what certainly belongs in the place of what is underlined, or an empty text."""
        document, path = self.document, self.path
        if self.wrong_key and not self.form:
            key = document.key_location(path)
            is_bare = document.lines[key.line - 1][key.column - 1 :].startswith(str(path[-1]))
            return self.wrong_key.fix if is_bare else ""
        if self.kind == "id_unquoted" and not {"key", "offset"} & self.context.keys():
            return f'"{document.raw(path)}"'
        return ""

    def _choice(self, keys: Sequence[str], message: str) -> tuple[str | None, str]:
        """Return which of *keys* to point at, and the *message* with what is given of them."""
        data = self.document.value(self.path)
        present = [key for key in data if key in keys] if isinstance(data, dict) else []
        empty = [key for key in present if isinstance(data[key], Plain) and data[key].is_empty]
        filled = [key for key in present if key not in empty]
        if len(filled) > 1:
            message = f"{message} Here are {_and(filled)}."
            own = data.get("id") if "id" in filled and isinstance(data, dict) else None
            if isinstance(own, str) and own.isidentifier() and isinstance(self.path[-1], str):
                message += f" If `{own}` is the name of the step, `id` belongs next to its kind."
            return filled[1], message
        if empty:
            return empty[0], f"{message} {_and(empty)} {'is' if len(empty) == 1 else 'are'} empty."
        if advice := _beside_advice(self.document, self.model, self.path, keys):
            return None, f"{message} {advice}"
        is_empty = data == {} or (isinstance(data, Plain) and data.is_empty)
        return None, f"{message} {self.subject} is empty." if is_empty else message

    def _say(self) -> tuple[str, str]:
        """Return code and message."""
        if self.wrong_key:
            return "unknown-key", self.wrong_key.message
        if self.kind in _SENTENCES:
            code, make = _SENTENCES[self.kind]
            return code, make(self)
        if self.kind in _SORTS:
            message = f"{_SORTS[self.kind]} is expected here, not {sort_of(self.input)}."
            return "wrong-type", self._with_shape(message)
        if "error" in self.context or self.message.startswith("Input should"):
            text = self.message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
            text = text.replace("Input should", "This should", 1)
            return "bad-value", _sentence(text)
        message = _sentence(self.message)
        if self.kind == "wrong_type":
            message = self._with_shape(message)
        if self.kind in typing.get_args(ErrorType):
            # Only the codes of our own models have pages.
            return "bad-value", message
        return self.kind.replace("_", "-"), message

    def _with_shape(self, message: str) -> str:
        """Return *message* with what to write instead, where the shape of the value shows it."""
        advice = shape_advice(self.model, self.path, self.input)
        return f"{message} {advice}" if advice else message


def _without_other_forms(misfits: Sequence[_Misfit]) -> Iterator[_Misfit]:
    """Of a value that may have several forms, keep the errors of the form that was meant."""
    forms: dict[PathTo, dict[str, list[_Misfit]]] = {}
    for misfit in misfits:
        if misfit.form is None:
            yield misfit
        else:
            forms.setdefault(misfit.form_at, {}).setdefault(misfit.form, []).append(misfit)
    for tried in forms.values():
        if len(tried) > 1:
            yield from min(tried.values(), key=lambda group: (group[0].is_misfit, len(group)))
        else:
            yield from next(iter(tried.values()))


def _and(keys: Sequence[str]) -> str:
    quoted = [f"`{key}`" for key in keys]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _beside_advice(
    document: Document, model: type[BaseModel], path: PathTo, missing: Sequence[str]
) -> str:
    """Return where one of the *missing* keys of the mapping at *path* is: next to it, not in it.

    Empty when it is not there.
    """
    owner = path[-1] if path else None
    beside = document.value(path[:-1])
    inside = document.value(path)
    if not isinstance(owner, str) or not isinstance(beside, dict):
        return ""
    # An `id` that a step may have is its own.
    key = next((one for one in reversed(missing) if one in beside and one != owner), "")
    is_own_id = key == "id" and in_line(beside[key]).isidentifier()
    if not key or is_own_id or (isinstance(inside, dict) and inside):
        return ""
    value = shown_of(model, beside[key])
    return f"If `{key}: {value}` belongs to it, indent that line: `{owner}: {{{key}: {value}}}`."


def _missing_key(misfit: _Misfit) -> str:
    last = misfit.path[-1] if misfit.path else None
    owner = f"`{last}`" if isinstance(last, str) else "This entry"
    message = f"{'The file' if last is None else owner} needs the key `{misfit.missing}`."
    advice = _beside_advice(misfit.document, misfit.model, misfit.path, (misfit.missing,))
    inside = misfit.document.value(misfit.path)
    named = f"{misfit.missing}_name"
    if isinstance(inside, dict) and named in inside:
        name = shown_of(misfit.model, inside[named])
        advice = f"If `{named}` is meant so, write `{misfit.missing}: {{name: {name}}}`."
    return f"{message} {advice}" if advice else message


def _one_of(misfit: _Misfit) -> str:
    # Pydantic gives "'a', 'b' or 'c'"; enumerations and literals alike.
    expected = str(misfit.context.get("expected", "")).replace("'", "`")
    names = [name for index, name in enumerate(expected.split("`")) if index % 2]
    text = value_text(misfit.input).strip("`")
    value = misfit.value_text
    if advice := look_alike_advice(text, names):
        return f"{value} is not known here; {advice}"
    plain = text.casefold().removeprefix("api-")
    other = plain if plain in names else VALUES.get(plain, "")
    hint = f"; did you mean `{other}`?" if other in names else did_you_mean(text, names)
    return f"{value[:1].upper()}{value[1:]} is not one of {expected}{hint or '.'}"


def _pattern(misfit: _Misfit) -> str:
    # For a short form, the field that it is short for.
    form = (misfit.form.partition(".")[0],) if misfit.form else ()
    field = place_of(misfit.model, (*misfit.path, *form)).field
    description = field.description if field and field.description else ""
    pattern = misfit.context.get("pattern", "")
    text = value_text(misfit.input).strip("`")
    plain = [latin(text)] if re.match(pattern, latin(text)) else []
    inner = text.strip("“”„‟«»‘’‚‹›″")
    if inner != text and re.match(pattern, inner):
        return f"{misfit.value_text} has typographic quotes. Write `{inner}`."
    apart = unicodedata.normalize("NFKD", text.strip().replace("ß", "ss"))
    joined = re.sub(r"\W+", "_", "".join(one for one in apart if not unicodedata.combining(one)))
    if joined != text and re.match(pattern, joined):
        used = ", also where it is used" if misfit.path[-1] in ("id", "as") else ""
        return f"{misfit.value_text} does not fit {misfit.subject}. Write `{joined}`{used}."
    if advice := look_alike_advice(text, plain):
        return f"{misfit.value_text} does not fit {misfit.subject}; {advice}"
    return f"{misfit.value_text} does not fit {misfit.subject}: " + (
        _sentence(description) if description else f"it must match the pattern {pattern}."
    )


def _size(misfit: _Misfit, word: str) -> str:
    limit = misfit.context.get(f"{word}_length", 1)
    if limit == 1 and word == "min":
        return f"{misfit.subject} must not be empty."
    least = "at least" if word == "min" else "at most"
    unit = "entries" if isinstance(misfit.input, (list, dict)) else "characters"
    return f"{misfit.subject} must have {least} {limit} {unit}."


def _list(misfit: _Misfit) -> str:
    if isinstance(misfit.input, dict) and any(key.startswith("-") for key in misfit.input):
        return "A list is expected here. Write a space after each `-`."
    sort = sort_of(misfit.input)
    message = f"A list (lines that begin with `- `) is expected here, not {sort}."
    advice = shape_advice(misfit.model, misfit.path, misfit.input)
    return f"{message} {advice}" if advice else message


def _instant(misfit: _Misfit) -> str:
    try:
        read = datetime.fromisoformat(value_text(misfit.input).strip("` "))
    except ValueError:
        write = "Write it as `2026-03-02T01:00:00Z`"
    else:
        write = f"Write `{read.replace(tzinfo=None).isoformat()}Z`"
    return (
        f"An instant with an offset from UTC is expected here, not {misfit.value_text}. {write}, "
        "or with `+01:00` in place of `Z`."
    )


def _bound(words: str, key: str) -> Callable[[_Misfit], str]:
    def say(misfit: _Misfit) -> str:
        limit = misfit.context.get(key)
        limit = f"{limit:g}" if isinstance(limit, float) else limit
        return f"{misfit.subject} must be {words.format(limit)}, not {misfit.value_text}."

    return say


_SENTENCES: Mapping[str, tuple[str, Callable[[_Misfit], str]]] = {
    "missing": ("missing-key", _missing_key),
    "literal_error": ("bad-value", _one_of),
    "enum": ("bad-value", _one_of),
    "string_pattern_mismatch": ("bad-value", _pattern),
    "string_too_short": ("bad-value", lambda it: _size(it, "min")),
    "string_too_long": ("bad-value", lambda it: _size(it, "max")),
    "too_short": ("bad-value", lambda it: _size(it, "min")),
    "too_long": ("bad-value", lambda it: _size(it, "max")),
    "greater_than_equal": ("bad-value", _bound("{} or more", "ge")),
    "greater_than": ("bad-value", _bound("more than {}", "gt")),
    "less_than_equal": ("bad-value", _bound("{} or less", "le")),
    "less_than": ("bad-value", _bound("less than {}", "lt")),
    **dict.fromkeys(("list_type", "tuple_type"), ("wrong-type", _list)),
    **dict.fromkeys(
        ("timezone_aware", "datetime_parsing", "datetime_from_date_parsing", "datetime_type"),
        ("bad-value", _instant),
    ),
    "id_empty": (
        "empty-id",
        lambda it: f"{it.subject} is empty. Write an id of Alma, or remove the key.",
    ),
}

_SORTS = {
    "string_type": "Text",
    "dict_type": "A mapping (`key: value` lines)",
    "model_type": "A mapping (`key: value` lines)",
    "model_attributes_type": "A mapping (`key: value` lines)",
    "int_type": "A whole number",
    "int_parsing": "A whole number",
    "int_from_float": "A whole number",
    "float_type": "A number",
    "float_parsing": "A number",
    "bool_type": "`true` or `false`",
    "bool_parsing": "`true` or `false`",
}
