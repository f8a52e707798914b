"""A value of the wrong shape: text where a mapping belongs, a mapping where a list belongs.

Only the shape is wrong, so the right one can be shown with the same words.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import parse_qsl

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from almaflow.document import Document, PathTo
from almaflow.document.slips import in_quotes
from almaflow.field_types import Expression, Plain
from almaflow.foreign_words import normal
from almaflow.late_patterns import late_pattern
from almaflow.model_fields import ModelPlace, alternatives, place_of, words_of
from almaflow.problems import Problem
from almaflow.yaml_in_line import in_line, shown_of

_JOB_ID = late_pattern(r"[SMO][0-9]+")
_BRANCHES = ("first", "second", "third")
_BULLET = late_pattern(r"([–—•·●▪‣*+>]|\d+[.)])\s*(.+)")


def shape_advice(model: type[BaseModel], path: Sequence[str | int], data: Any) -> str:
    """Return what to write instead of *data*, which does not fit what *model* has at *path*.

    A sentence; empty when its shape does not show that.
    """
    place = place_of(model, path)
    is_mapping = place.field is not None and typing.get_origin(place.field.annotation) is dict
    # A text in the list may be a secret.
    if is_mapping and data and _is_list_of_mappings(data) and all(map(_name_of, data)):
        names = ", ".join(f"{_name_of(one)}: …" for one in data[:3])
        return f"The names are keys: write `{path[-1]}: {{{names}}}`."
    if not getattr(model, "shows_values", False):
        return ""
    if not path:
        return _whole_file(place, data)
    steps = next((one for one in place.models if hasattr(one, "kind_keys")), None)
    if steps is not None and isinstance(data, list) and isinstance(path[-1], int):
        return "Write one `- ` in front of each step."
    if steps is not None and not _is_list_of_mappings(data):
        return _step(place, data, in_list=isinstance(path[-1], str))
    if set(place.keys) == {"name", "value"}:
        return _parameters(path, data)
    match data:
        case list() if _is_input(place) and place.field is place_of(model, path[:-1]).field:
            return f"Write `{path[-1]}: {{type: list, default: {in_line(data)}}}`."
        case list() if any(getattr(one, "named", None) for one in place.models):
            branches = zip(_BRANCHES, data, strict=False)
            named = {name: one if isinstance(one, list) else [one] for name, one in branches}
            return f"Give each a name: write `{path[-1]}: {in_line(named)}`."
        case list() if advice := _not_a_list(place, path[-1], data):
            return advice
        case str() if _is_input(place) and data in words_of(place.keys["type"].annotation):
            return f"Write `{path[-1]}: {{type: {data}}}`."
        case Plain(value=int()) if _is_input(place):
            kind = "boolean" if isinstance(data.value, bool) else "integer"
            return f"Write `{path[-1]}: {{type: {kind}, default: {in_line(data)}}}`."
        case str() | Plain() if _is_input(place):
            return f"Write `{path[-1]}: {{default: {in_line(data)}}}`."
    if (
        isinstance(data, str)
        and place.models
        and (settings := _of_query(data, place.keys) or in_one_line(data))
    ):
        return f"Settings are written with colons: `{path[-1]}: {settings}`."
    if {*place.keys} == {"first", "max"} and isinstance(data, str | Plain):
        text = str(getattr(data, "text", data))
        return f"Write `{path[-1]}: {{max: {text}{'s' if text.isdecimal() else ''}}}`."
    examples = [one.key for one in place.models if getattr(one, "example", "")]  # type: ignore[attr-defined]
    if examples and isinstance(data, str | Plain | list):
        first = next((name for name, one in place.keys.items() if one.is_required()), "")
        takes = [typing.get_origin(one) for one in alternatives(place.keys[first])] if first else []
        is_short = getattr(place.models[0], "short", None) is not None
        if is_short or (isinstance(data, list) and list not in takes):
            first = ""
        write = f"Write `{path[-1]}: {{{first}: {in_line(data)}, …}}`; " if first else ""
        if "job" in place.keys and _JOB_ID.fullmatch(str(getattr(data, "text", data))):
            write = f"Write `{path[-1]}: {{job: {in_line(data)}}}`; "
        if one_of := getattr(place.models[0], "one_of", ()):
            forms = (f"`{path[-1]}: {{{one}: {in_line(data)}}}`" for one in one_of)
            write = f"Write {' or '.join(forms)}; "
        return f"{write}`almaflow explain {examples[0]}` shows an example."
    if isinstance(data, list) and place.field is not None and _takes_expression(place.field):
        joined = " and ".join(f"({one})" for one in data if isinstance(one, str))
        return f"Several conditions are one expression: `{path[-1]}: {joined}`." if joined else ""
    if isinstance(data, dict) and set(data) in ({"id"}, {"set_id"}, {"value"}):
        return f"Write `{path[-1]}: {in_line(next(iter(data.values())))}`."
    if isinstance(data, list) and path[-1] == "to":
        return "A message goes to one channel. Write an entry, or a step, for each of them."
    if isinstance(data, list) and path[-1] == "set":
        return (
            "A job works on one set. Write one step for each set, or make one set of them with "
            "`create_set: {name: …, combine: {operator: or, sets: […]}}`."
        )
    if isinstance(data, dict) and path and isinstance(path[-1], int) and len(path) > 1:
        around = place_of(model, path[:-1])
        if around.models and data.keys() <= around.keys.keys():
            return f"Write it without `- ` or brackets: `{path[-2]}: {in_line(data)}`."
    only = next(iter(data)) if isinstance(data, dict) and len(data) == 1 else ""
    if only and isinstance(data[only], Plain) and data[only].is_empty:
        expression = only if "." in only else f"inputs.{normal(only)}"
        return (
            "A text that begins with `{` needs quotes, and a template has two braces: "
            f'`"{{{{ {expression} }}}}"`.'
        )
    if isinstance(data, dict) and set(data) == {"name"} and path[-1] == "set":
        return (
            "Put the step `- {id: wanted, find_set: " + in_line(data) + "}` before this one and "
            'write `set: "{{ steps.wanted.set_id }}"`.'
        )
    if isinstance(data, list | dict) and place.field is not None and not place.models:
        # What the field is for says how it is written.
        return place.field.description or ""
    return ""


# What an entry of a mapping with names of one's own is often called.
_NAMES = {"institutions": "main", "inputs": "month", "calendars": "holidays"}


def name_missing(document: Document, model: type[BaseModel], path: PathTo) -> str:
    """Return what to write where the name of an entry is left out around the value at *path*.

    Empty: that is not what is wrong.
    """
    if len(path) < len(("institutions", "region")):
        return ""
    owner, key = path[-2:]
    field = place_of(model, path[:-2]).keys.get(str(owner))
    if field is None or typing.get_origin(field.annotation) is not dict:
        return ""
    known = place_of(model, path[:-1]).keys
    entries = document.value(path[:-1])
    is_entry = isinstance(entries, dict) and entries.keys() <= known.keys()
    if not is_entry or isinstance(entries[key], dict | list):
        return ""
    entry = ", ".join(f"{one}: {shown_of(model, value)}" for one, value in entries.items())
    return (
        f"`{key}` belongs to an entry of `{owner}`, and the name of the entry is missing. Write "
        f"`{owner}: {{{_NAMES.get(str(owner), 'name')}: {{{entry}}}}}` with a name of your choice."
    )


_LONGEST_LINE = 1_000
"""Characters of a text that is read as `key=value key=value`."""

# `job=M44 set={{ … }}`, as Ansible and shells have it.
_ASSIGNED = late_pattern(r"""(\w+)=("[^"]*"|'[^']*'|\{\{.*?\}\}|[^\s"']+)(?:\s+|$)""", re.DOTALL)


def in_one_line(text: str) -> str:
    """Return the mapping that `key=value key=value` is meant as; empty when *text* is not that."""
    pairs = _ASSIGNED.findall(text.strip()) if len(text) <= _LONGEST_LINE else []
    if not pairs or _ASSIGNED.sub("", text.strip()):
        return ""
    return in_line({key: value.strip("\"'") for key, value in pairs})


def _of_query(text: str, known: Collection[str]) -> str:
    """Return the mapping that the parameters of an address mean, those that are *known*."""
    if "&" not in text or not _QUERY.fullmatch(text):
        return ""
    pairs = {key: value for key, value in parse_qsl(text) if key in known}
    return in_line(pairs) if pairs else ""


_QUERY = late_pattern(r"\w+=[^&\s]*(?:&\w+=[^&\s]*)+")
_KEY = late_pattern(r"([A-Za-z_][\w.-]*):(?:(?=[^\s:/])|\s+(?=\S))")


def pair_as_text(
    document: Document, model: type[BaseModel], path: PathTo, text: str
) -> Problem | None:
    """Return the problem of `key:value`, or of `"key: value"`, where a mapping is expected."""
    match = _KEY.match(text)
    if match is None:
        return None
    key, value = match[1], text[match.end() :].strip()
    place, pair = document.location_of(path), f"{{{key}: {in_line(value)}}}"
    owner = path[-1] if path else 0
    if isinstance(owner, str) and document.key_location(path).line == place.line:
        message = f"This is one text to YAML, not a key and its value. Write `{owner}: {pair}`."
    else:
        from almaflow.document.mistakes import missing_blank

        place, pair = document.locate(path, 0, len(key) + 1), f"{key}: "
        message = missing_blank(key, value)
    if any(getattr(one, "short", None) == "name" for one in place_of(model, path).models):
        message += f" If all of it is the name, write `{{name: {in_quotes(text)}}}`."
    return document.problem(place, "yaml-missing-blank", message, fix=pair)


_PAIR = late_pattern(r"\s*([\w.]+)\s*[=:]\s*(.*?)\s*", re.DOTALL)


def _parameters(path: Sequence[str | int], data: Any) -> str:
    """Return how the parameters of a job are written that *data* holds in another form."""
    if isinstance(data, str) and data.lstrip().startswith(("<", "{", "[")):
        return (
            "This is a payload. Save it in a file, such as payload.xml, and write `payload: "
            "payload.xml` in place of `parameters`."
        )
    pair = _PAIR.fullmatch(data) if isinstance(data, str) else None
    parts = [one for one in re.split(r"[;&\n]\s*", data) if one.strip()] if pair else []
    several = [_PAIR.fullmatch(one) for one in parts]
    if len(several) > 1 and all(several):
        entries = {one[1]: one[2] for one in several if one}
        return f"Write `parameters: {in_line(entries)}`."
    if pair and isinstance(path[-1], int):
        return f"Write `{pair[1]}: {in_line(pair[2])}`, without `- `."
    if pair:
        return f"Write `parameters: {{{pair[1]}: {in_line(pair[2])}}}`."
    if path[-1] == "parameter" and isinstance(data, list):
        return "Remove the line `parameter:`; its entries belong directly below `parameters:`."
    return "Write `parameters: {NAME: VALUE}`, or a list of `{name: NAME, value: VALUE}`."


def _takes_expression(field: FieldInfo) -> bool:
    forms = (one for one in alternatives(field) if isinstance(one, type))
    return any(issubclass(one, Expression) for one in forms)


def _is_input(place: ModelPlace) -> bool:
    """Whether a value declares an input, with its type and what it is by default."""
    return {"type", "default"} <= place.keys.keys()


def _is_list_of_mappings(data: Any) -> bool:
    return isinstance(data, list) and all(isinstance(one, dict) for one in data)


def _whole_file(place: ModelPlace, data: Any) -> str:
    if "steps" not in place.keys:
        return ""
    what = "This is a list." if isinstance(data, list) else "This is text."
    return (
        f"{what} A workflow begins with keys in the first column, such as `name: nightly` and "
        "`steps:`, and the list of steps is below `steps:`."
    )


def _step(place: ModelPlace, data: Any, *, in_list: bool) -> str:
    """Return how the steps in *data* are written; it is a text, or a mapping in place of a list."""
    if isinstance(data, str):
        return _step_of_text(place, data, "- " if in_list else "")
    if not isinstance(data, dict) or not data:
        return "Each step begins with `- `, such as `- wait: 10m`."
    key, value = next(iter(data.items()))
    if bullet := _BULLET.fullmatch(key):
        return (
            f"Begin each step with a hyphen and a space, not with `{bullet[1]}`: `- {bullet[2]}: "
            f"{in_line(value)}`."
        )
    if any(one in place.keys for one in data):
        return f"Put `- ` in front of the first key of each step: `- {key}: {in_line(value)}`."
    if isinstance(value, dict):
        step = in_line({"id": key, **value})
        return f"Each step begins with `- `, and its name is its `id`: `- {step}`."
    return "Each step begins with `- `, such as `- wait: 10m`."


def _step_of_text(place: ModelPlace, text: str, hyphen: str) -> str:
    word, _, rest = text.strip().partition(" ")
    known = {normal(one): one for one in place.keys}
    key = known.get(normal(word))
    if key is None:
        return "A step is written `- wait: 10m`, with the name of its kind in front of the `:`."
    rest = rest.strip().lstrip("=:").strip()
    if not rest:
        return f"Write `{hyphen}{key}:` with a colon."
    return f"Write `{hyphen}{key}: {in_line(rest)}`."


def _not_a_list(place: ModelPlace, key: str | int, data: list[Any]) -> str:
    """Return the mapping, or the single value, that is meant by a list."""
    is_mapping = place.field is not None and typing.get_origin(place.field.annotation) is dict
    joined = {name: value for one in data if isinstance(one, dict) for name, value in one.items()}
    if is_mapping and joined and _is_list_of_mappings(data) and not _is_input(place):
        return f"Write it without `- `: `{key}: {in_line(joined)}`."
    if is_mapping and not _is_input(place):
        return ""
    if len(data) == 1 and not place.models and isinstance(data[0], str | Plain):
        value = in_line(data[0])
        return f"Write `{key}: {value}`." if isinstance(key, str) else f"Write `{value}`."
    if not place.models or not all(isinstance(one, str | dict) for one in data):
        return ""
    if _is_input(place) and all(map(_name_of, data)):
        entries = {_name_of(one): _without_name(one) for one in data}
        return f"Write `{key}: {in_line(entries)}`."
    if joined and all(isinstance(one, dict) and one.keys() <= place.keys.keys() for one in data):
        return f"Write its keys without `- `: `{key}: {in_line(joined)}`."
    return ""


def _name_of(entry: Any) -> str:
    if isinstance(entry, dict):
        name = entry.get("name", entry.get("id"))
        return name if isinstance(name, str) else ""
    return entry if isinstance(entry, str) else ""


def _without_name(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict):
        return {}
    return {key: value for key, value in entry.items() if key not in ("name", "id")}
