"""Job payloads as Alma's wizard shows them ("API information"), and the parameters of a job.

A payload is an ordered list: names repeat, values may be empty, and both matter to Alma. Its
text is XML or JSON.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from almaflow.alma.pasted_payload import PastedInvalid, take_apart
from almaflow.alma.payload_faults import (
    BEGINNING_MISSING,
    COPY_AGAIN,
    NOT_SHOWN,
    job_id,
    name_fault,
    other_answer,
    text_before,
    xml_fault,
)
from almaflow.alma.payload_faults import PayloadInvalid as PayloadInvalid
from almaflow.alma.payload_json import parse_json
from almaflow.alma.wire import JobParameter
from almaflow.alma.xmltree import Places, XmlInvalid, local_name, parse_xml
from almaflow.late_dataclasses import dataclass
from almaflow.text_files import MIB, FileUnreadable, decode

LARGEST_PAYLOAD = MIB
"""Bytes of the longest payload that is read; Alma's have at most a few hundred parameters."""

_SET_ID, _JOB_NAME = "set_id", "job_name"


@dataclass(frozen=True)
class Payload:
    """What a payload holds: *parameters* in order, and the id of its *job* when it names one."""

    parameters: list[JobParameter]
    job: str | None = None

    def laid_out(self) -> list[str]:
        """Return the names of values that begin or end with the line break of an editor."""
        return [one.name for one in self.parameters if _is_indented(one.value)]


def _is_indented(value: str) -> bool:
    """Say whether line breaks are among the white space around *value*."""
    outside = value[: len(value) - len(value.lstrip())] + value[len(value.rstrip()) :]
    return "\n" in outside or "\r" in outside


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
    """Return the parameters of a payload, in order; Raises: PayloadInvalid as `read_payload`."""
    return read_payload(source).parameters


def read_payload(source: bytes | str) -> Payload:
    """Return what a payload holds, XML or JSON by its first character.

    The URL of the wizard's panel may be next to it, and it may be part of a curl command.

    Raises:
        PayloadInvalid: *source* is empty, not text, neither XML nor JSON, holds no parameters,
            names two jobs, or its URL is not one that starts a job.
    """
    text = decode_payload(source) if isinstance(source, bytes) else source
    text = re.sub(rf"[{NOT_SHOWN}\s]+\Z", "", text.lstrip("\ufeff"))
    # Spaces in their place keep the columns.
    seen = text.lstrip(NOT_SHOWN)
    text = " " * (len(text) - len(seen)) + seen
    if text.lstrip().startswith("&lt;"):
        # Copied from the source of a page that shows it.
        text = html.unescape(text)
    text = _without_string(text)
    if not text.strip(NOT_SHOWN + " \t\r\n"):
        raise PayloadInvalid(f"The payload is empty. {COPY_AGAIN}.")
    try:
        pasted = take_apart(text)
    except PastedInvalid as error:
        raise PayloadInvalid(str(error)) from error
    if pasted.operation not in (None, "run"):
        message = (
            f"The URL of the payload has `op={pasted.operation}`, but a job is started with "
            "`op=run`. Copy the payload of a job."
        )
        raise PayloadInvalid(message)
    payload = _read(pasted.text)
    if pasted.job and payload.job and pasted.job != payload.job:
        message = (
            f"The URL names the job {pasted.job}, but the payload names {payload.job}. Remove the "
            "URL, or copy both again."
        )
        raise PayloadInvalid(message)
    return Payload(list(map(_sound, payload.parameters)), payload.job or pasted.job)


def _sound(parameter: JobParameter) -> JobParameter:
    """Return *parameter*, an id of a set without the white space that an editor put around it."""
    if parameter.name != _SET_ID or not parameter.value.strip().isdecimal():
        return parameter
    return JobParameter(_SET_ID, parameter.value.strip())


def _without_string(text: str) -> str:
    """Return the payload that *text* holds as a string of JSON, as logs do; else *text*."""
    if not text.strip().startswith('"'):
        return text
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return inner if isinstance(inner, str) and inner.lstrip()[:1] in ("<", "{", "[") else text


def _read(text: str) -> Payload:
    start = text.lstrip(" \t\r\n")[:1]
    if start == "<":
        return _from_xml(text)
    if start and start in "{[":
        return Payload(*parse_json(text))
    raise PayloadInvalid(text_before(text))


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
    # What is before the first replaced one stays, so the place holds after removing.
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


# Alma shows it; white space or a URL may precede it here, and the text is decoded already.
_DECLARATION = re.compile(r"\s*<\?xml\s[^<>]*\?>")


def _from_xml(source: str) -> Payload:
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    source = _DECLARATION.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source, count=1)
    places = Places()
    try:
        root = parse_xml(source, places)
    except XmlInvalid as error:
        if re.match(r"\s*<(?:!DOCTYPE\s+)?html\b", source, re.IGNORECASE):
            message = other_answer(["html"])
        elif error.is_malformed:
            message = xml_fault(source, error.line, error.column, str(error))
        else:
            message = f"The payload is not valid XML: {error}."
        raise PayloadInvalid(message, error.line, error.column) from error
    entries = _entries(root, places)
    return Payload([_xml_parameter(one, places) for one in entries], _xml_job(root, places))


def _entries(root: Element, places: Places) -> list[Element]:
    """Return the elements that are parameters."""
    name = local_name(root.tag)
    if name in ("job", "parameters"):
        for element in (root, *(one for one in root if len(one))):
            _refuse_text(element, places)
    if name == "parameters":
        return list(root)
    if name in ("parameter", "name", "value"):
        raise PayloadInvalid(BEGINNING_MISSING, *places[root])
    if name != "job":
        advice = f"{COPY_AGAIN}." if name.lower() != "job" else "Write it in lower case."
        message = other_answer([name]) or (
            f"The payload's root element is <{name}>, but <job> is expected. {advice}"
        )
        raise PayloadInvalid(message, *places[root])
    holders = [child for child in root if local_name(child.tag) == "parameters"]
    if len(holders) > 1:
        message = "The payload contains <parameters> twice. Remove one of them."
        raise PayloadInvalid(message, *places[holders[1]])
    alone = [child for child in root if local_name(child.tag) == "parameter"]
    return [*(holders[0] if holders else ()), *alone]


def _refuse_text(element: Element, places: Places) -> None:
    """Refuse text between the elements inside *element*, such as `…` for what was left out."""
    for part, text in ((element, element.text), *((one, one.tail) for one in element)):
        if text and text.strip(NOT_SHOWN + " \t\n"):
            message = (
                f"There is text between the elements of <{local_name(element.tag)}>: "
                f"`{text.strip()[:40]}`. If a part of the payload was left out, copy all of it; "
                "else remove the text."
            )
            raise PayloadInvalid(message, *places[part])


def _xml_job(root: Element, places: Places) -> str | None:
    """Return the id in <job>, or of its link."""
    if local_name(root.tag) != "job":
        return None
    element = _child(root, "id")
    written = (element.text or "").strip() if element is not None else ""
    return job_id(written, root.get("link") or "", places[root if element is None else element])


def _xml_parameter(element: Element, places: Places) -> JobParameter:
    tag = local_name(element.tag)
    if tag != "parameter":
        message = f"The parameters contain <{tag}> where <parameter> is expected."
        raise PayloadInvalid(message, *places[element])
    name, value = _child(element, "name"), _child(element, "value")
    for part in (name, value):
        if part is not None and len(part):
            message = f"<{local_name(part.tag)}> contains further elements where text is expected."
            raise PayloadInvalid(message, *places[part[0]])
    named = (name.text or "").strip() if name is not None else ""
    if not named:
        raise PayloadInvalid(_nameless(element), *places[element])
    if fault := name_fault(named):
        raise PayloadInvalid(fault, *places[element])
    return JobParameter(named, (value.text or "") if value is not None else "")


def _nameless(element: Element) -> str:
    """Return what is wrong with a parameter without a name; some tools write attributes."""
    name, value = element.get("name") or element.get("key"), element.get("value") or ""
    if not name:
        return "A parameter has no name."
    written = "<parameter><name>{}</name><value>{}</value></parameter>"
    return (
        "A parameter has no name; attributes do not count. Write "
        f"`{written.format(html.escape(name), html.escape(value or element.text or ''))}`."
    )


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if local_name(child.tag) == name), None)
