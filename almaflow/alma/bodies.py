"""What came back, whatever it is: JSON, XML in JSON's shape, HTML, plain text, nothing, rubbish.

Alma's gateway answers in XML although JSON was asked for, and a wrong host answers in HTML, so
neither the request nor the content type alone tells what a body is.

Source: `alma-api.md`, 1.4 and 2.
"""

from __future__ import annotations

import codecs
import html
import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, NoReturn
from xml.etree.ElementTree import Element

from almaflow.alma.xmltree import XmlInvalid, local_name, parse_xml


class Shape(Enum):
    """What a body turned out to be."""

    DATA = "data"
    """JSON, or XML that was turned into JSON's shape."""
    EMPTY = "empty"
    HTML = "a web page"
    TEXT = "plain text"
    BROKEN = "broken"
    """It begins like JSON or XML and is none: cut off, or damaged."""


@dataclass(frozen=True)
class Body:
    """A body, read. *said* is what people should see of one that is no data: a web page's
    title, the beginning of a text, or why it is broken.
    """

    shape: Shape
    data: Any = None
    said: str = ""


def read_body(content: bytes, content_type: str = "") -> Body:
    """Find out what *content* is and read it; never raises."""
    text = _decoded(content, content_type)
    start = text.lstrip("\ufeff \t\r\n\0")
    if not start:
        return Body(Shape.EMPTY)
    if re.match(r"<(!doctype\s+html|html)\b", start, re.IGNORECASE):
        return _web_page(start)
    if start[0] in "{[":
        return _json(start)
    if start[0] == "<":
        body = _xml(content)
        # An HTML fragment without its usual beginning.
        is_page = body.shape is Shape.BROKEN and "html" in content_type.casefold()
        return _web_page(start) if is_page else body
    if "json" in content_type.casefold():
        return _json(start)
    if "html" in content_type.casefold():
        return _web_page(start)
    return Body(Shape.TEXT, said=_excerpt(start))


# --- JSON -----------------------------------------------------------------------------------


def _json(text: str) -> Body:
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        return Body(Shape.BROKEN, said=f"JSON that cannot be read ({why})")
    # Half a character (`\ud83d` alone) can be neither stored nor printed.
    return Body(Shape.DATA, _whole_characters(data) if "\\ud" in text.casefold() else data)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _whole_characters(data: Any) -> Any:
    if isinstance(data, str):
        return data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(data, list):
        return [_whole_characters(entry) for entry in data]
    if isinstance(data, dict):
        return {_whole_characters(key): _whole_characters(value) for key, value in data.items()}
    return data


# --- XML ------------------------------------------------------------------------------------

# What JSON shows as an array under the singular, XML wraps in the plural.
_LISTS = {
    "actions": "action",
    "alerts": "alert",
    "counters": "counter",
    "errorList": "error",
    "event_keys": "event_key",
    "events": "event",
    "import_profiles": "import_profile",
    "integration_profiles": "integration_profile",
    "job_instances": "job_instance",
    "jobs": "job",
    "matches": "match",
    "members": "member",
    "parameters": "parameter",
    "rows": "row",
    "sets": "set",
}
# Lists that JSON keeps inside an object of the plural's name.
_KEPT_LISTS = frozenset({"errorList", "members"})
# Fields that are objects in JSON even where XML shows neither label nor link.
_CODED = frozenset(
    {
        "category",
        "content",
        "created_by",
        "institution",
        "number_of_members",
        "origin",
        "private",
        "query",
        "schedule",
        "status",
        "submitted_by",
        "type",
    }
)


def _xml(content: bytes) -> Body:
    try:
        return Body(Shape.DATA, _shaped(parse_xml(content)))
    except XmlInvalid as error:
        return Body(Shape.BROKEN, said=f"XML that cannot be read ({error})")


def _shaped(element: Element) -> Any:
    """Return *element* in the shape that Alma's JSON has."""
    tag = local_name(element.tag)
    attributes = {local_name(name): value for name, value in element.attrib.items()}
    if attributes.pop("nil", "") == "true":
        return None
    total = attributes.pop("total_record_count", None)
    shaped: dict[str, Any] = dict(attributes)
    if total is not None:
        shaped["total_record_count"] = int(total) if total.isdecimal() else total
    if len(element):
        for child in element:
            _add(shaped, tag, child)
        return shaped
    if total is not None:
        return shaped
    text = element.text or ""
    return {"value": text, **shaped} if attributes or tag in _CODED else text


def _add(shaped: dict[str, Any], parent: str, child: Element) -> None:
    """Put *child* into the object of its parent: as a field, or into a list."""
    tag = local_name(child.tag)
    if tag in _LISTS and tag not in _KEPT_LISTS:
        entries = [_shaped(entry) for entry in child]
        if entries:
            shaped.setdefault(_LISTS[tag], []).extend(entries)
    elif _LISTS.get(parent) == tag:
        shaped.setdefault(tag, []).append(_shaped(child))
    elif tag not in shaped:
        shaped[tag] = _shaped(child)
    elif isinstance(shaped[tag], list):
        shaped[tag].append(_shaped(child))
    else:
        shaped[tag] = [shaped[tag], _shaped(child)]


# --- texts ----------------------------------------------------------------------------------


def _decoded(content: bytes, content_type: str) -> str:
    found = re.search(r"charset=\"?([\w.:-]+)", content_type, re.IGNORECASE)
    charset = found[1] if found else "utf-8"
    try:
        codecs.lookup(charset)
        return content.decode(charset, "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _web_page(text: str) -> Body:
    title = re.search(r"<(title|h1)\b[^>]*>(.*?)</\1", text, re.IGNORECASE | re.DOTALL)
    shown = title[2] if title else text
    return Body(Shape.HTML, said=_excerpt(html.unescape(re.sub(r"<[^>]*>", " ", shown))))


def _excerpt(text: str, length: int = 200) -> str:
    """Return the beginning of *text* on one line, without control characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[:2000]).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
