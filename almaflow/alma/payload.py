"""Job payloads as Alma's wizard shows them ("API information"), and the parameters of a job.

A payload is an ordered list: names repeat, values may be empty, and both matter to Alma. Its
text is XML or JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from almaflow.alma.wire import JobParameter
from almaflow.alma.xmltree import Places, XmlInvalid, local_name, parse_xml
from almaflow.text_files import MIB, FileUnreadable, decode

LARGEST_PAYLOAD = MIB
"""Bytes of the longest payload that is read; Alma's have at most a few hundred parameters."""

_SET_ID, _JOB_NAME = "set_id", "job_name"

_WHERE_FROM = 'Copy it again from "API information" on the last page of Alma\'s job wizard'


class PayloadInvalid(ValueError):
    """A payload is not one; *line* and *column* count from 1, line 1 when it has no better."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column

    def line_of(self, text: str) -> str:
        """Return the line of the payload's *text* that is wrong; empty when it has no such line."""
        lines = text.splitlines()
        return lines[self.line - 1] if 0 < self.line <= len(lines) else ""


class ParameterRepeated(ValueError):
    """A mapping overrides *name*, which the payload has several times."""

    def __init__(self, name: str, times: int) -> None:
        super().__init__(
            f"The payload contains the parameter `{name}` {times} times, and a mapping cannot "
            "specify which one to replace. Write `parameters` as a list of `name` and `value`, "
            "which replaces all of them."
        )
        self.name = name


def parse_payload(source: bytes | str) -> list[JobParameter]:
    """Return the parameters of a payload, XML or JSON by its first character, in order.

    Raises:
        PayloadInvalid: *source* is empty, not text, neither XML nor JSON, or holds no parameters.
    """
    text = decode_payload(source) if isinstance(source, bytes) else source.lstrip("\ufeff")
    start = text.lstrip(" \t\r\n")[:1]
    if not start:
        raise PayloadInvalid(f"The payload is empty. {_WHERE_FROM}.")
    if start == "<":
        return _from_xml(text)
    if start in "{[":
        return _from_json(text)
    raise PayloadInvalid(f"The payload is neither XML nor JSON. {_WHERE_FROM}.")


def decode_payload(content: bytes) -> str:
    """Return the text of a payload's *content*; Raises: PayloadInvalid."""
    try:
        return decode(content, xml=True)
    except FileUnreadable as error:
        message = f"The payload cannot be read: {error.reason}."
        raise PayloadInvalid(message, error.line, error.column) from error


def merge_parameters(
    payload: Sequence[JobParameter],
    overrides: Mapping[str, str] | Sequence[JobParameter],
    set_id: str | None,
    job_name: str | None,
) -> list[JobParameter]:
    """Return what a job is submitted with: the payload, overridden, for a set, with a name.

    A mapping replaces the value of the one parameter of that name and puts new names before
    `set_id`. A list replaces all parameters of its names, in its own order, at the place of the
    first that it replaces. *set_id* None leaves what is there; *job_name* None removes it.

    Raises:
        ParameterRepeated: a mapping names what the payload has several times.
    """
    merged = list(payload)
    if isinstance(overrides, Mapping):
        _override_each(merged, overrides)
    else:
        _override_all(merged, overrides)
    if set_id is not None:
        _fill(merged, _SET_ID, set_id)
    if job_name is not None:
        _fill(merged, _JOB_NAME, job_name)
    else:
        merged = [parameter for parameter in merged if parameter.name != _JOB_NAME]
    return merged


def _override_each(merged: list[JobParameter], overrides: Mapping[str, str]) -> None:
    for name, value in overrides.items():
        places = [place for place, one in enumerate(merged) if one.name == name]
        if len(places) > 1:
            raise ParameterRepeated(name, len(places))
        place = places[0] if places else _place_of_new(merged, name)
        merged[place : place + len(places)] = [JobParameter(name, value)]


def _override_all(merged: list[JobParameter], overrides: Sequence[JobParameter]) -> None:
    names = {parameter.name for parameter in overrides}
    replaced = [place for place, one in enumerate(merged) if one.name in names]
    place = replaced[0] if replaced else _place_of_new(merged, "")
    # What stands before the first replaced one stays, so the place holds after removing.
    merged[:] = [one for one in merged if one.name not in names]
    merged[place:place] = overrides


def _fill(merged: list[JobParameter], name: str, value: str) -> None:
    """Give *name* one value: at the place of its first, else at its usual place."""
    places = [place for place, one in enumerate(merged) if one.name == name]
    place = places[0] if places else _place_of_new(merged, name)
    merged[:] = [one for one in merged if one.name != name]
    merged.insert(place, JobParameter(name, value))


def _place_of_new(merged: Sequence[JobParameter], name: str) -> int:
    """Return where a new parameter goes: the wizard ends with `set_id`, then `job_name`."""
    behind = {_JOB_NAME: (), _SET_ID: (_JOB_NAME,)}.get(name, (_SET_ID, _JOB_NAME))
    places = (place for place, one in enumerate(merged) if one.name in behind)
    return next(places, len(merged))


# --- XML ------------------------------------------------------------------------------------


def _from_xml(source: str) -> list[JobParameter]:
    places = Places()
    try:
        root = parse_xml(source, places)
    except XmlInvalid as error:
        message = f"The payload is not valid XML: {error}."
        raise PayloadInvalid(message, error.line, error.column) from error
    holder: Element | None = root
    if local_name(root.tag) == "job":
        holder = _child(root, "parameters")
    elif local_name(root.tag) != "parameters":
        message = (
            f"The payload's root element is <{local_name(root.tag)}>, but <job> is expected. "
            f"{_WHERE_FROM}."
        )
        raise PayloadInvalid(message, *places[root])
    return [_xml_parameter(element, places) for element in (() if holder is None else holder)]


def _xml_parameter(element: Element, places: Places) -> JobParameter:
    found = local_name(element.tag)
    if found != "parameter":
        message = f"The parameters contain <{found}> where <parameter> is expected."
        raise PayloadInvalid(message, *places[element])
    name, value = _child(element, "name"), _child(element, "value")
    for part in (name, value):
        if part is not None and len(part):
            message = f"<{local_name(part.tag)}> contains further elements where text is expected."
            raise PayloadInvalid(message, *places[part[0]])
    named = (name.text or "").strip() if name is not None else ""
    if not named:
        raise PayloadInvalid("A parameter has no name.", *places[element])
    return JobParameter(named, (value.text or "") if value is not None else "")


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if local_name(child.tag) == name), None)


# --- JSON -----------------------------------------------------------------------------------


def _from_json(source: str) -> list[JobParameter]:
    try:
        # Numbers keep their characters: an id of 17 digits or `1.10` is text to Alma.
        data = json.loads(source, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        message = f"The payload is not valid JSON: {error.msg}."
        raise PayloadInvalid(message, error.lineno, error.colno) from error
    except RecursionError as error:
        raise PayloadInvalid("The payload is nested too deeply.") from error
    for key in ("job", "parameters", "parameter"):
        if isinstance(data, dict) and key in data:
            data = data[key]
    if data == {} or data is None:
        return []
    if not isinstance(data, list):
        raise PayloadInvalid(f"The payload has no list `parameter`. {_WHERE_FROM}.")
    return [_json_parameter(entry, number) for number, entry in enumerate(data, start=1)]


def _json_parameter(entry: Any, number: int) -> JobParameter:
    if not isinstance(entry, dict):
        raise PayloadInvalid(f"Parameter {number} of the payload is not an object.")
    name = entry.get("name")
    name = name.get("value") if isinstance(name, dict) else name
    if not isinstance(name, str) or not name.strip():
        raise PayloadInvalid(f"Parameter {number} of the payload has no name.")
    value = entry.get("value")
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | None):
        message = f"The value of parameter {number} of the payload (`{name}`) is not text."
        raise PayloadInvalid(message)
    if re.search("[\ud800-\udfff]", f"{name}{value}"):
        message = (
            f"Parameter {number} of the payload (`{name!a}`) contains half of a character, an "
            "escape from `\\ud800` to `\\udfff` without its other half. Write the character "
            "itself."
        )
        raise PayloadInvalid(message)
    return JobParameter(name.strip(), value or "")
