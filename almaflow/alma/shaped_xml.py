"""XML in the shape that Alma's JSON has."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from almaflow.alma.value_parsing import LARGEST_COUNT
from almaflow.alma.xmltree import local_name, parse_xml

# What JSON shows as an array under the singular, XML wraps in the plural.
_IN_LISTS = (
    "action alert counter event event_key import_profile integration_profile job job_instance "
    "member parameter row set"
)
_LISTS = {**{f"{one}s": one for one in _IN_LISTS.split()}, "errorList": "error", "matches": "match"}
# Lists that JSON keeps inside an object of the plural's name.
_KEPT_LISTS = frozenset({"errorList", "members"})
# Fields that are objects in JSON even where XML shows neither label nor link.
_CODED = frozenset(
    {
        *("category", "content", "created_by", "institution", "number_of_members", "origin"),
        *("private", "query", "schedule", "status", "submitted_by", "type"),
    }
)


def shaped_xml(text: str) -> Any:
    """Return an XML document as the data that its JSON would be; Raises: XmlInvalid."""
    return _shaped(parse_xml(text))


def _shaped(element: Element) -> Any:
    """Return *element* in the shape that Alma's JSON has."""
    tag = local_name(element.tag)
    attributes = {local_name(name): value for name, value in element.attrib.items()}
    if attributes.pop("nil", "") == "true":
        return None
    total = attributes.pop("total_record_count", None)
    shaped: dict[str, Any] = dict(attributes)
    if total is not None:
        counted = total.isdecimal() and len(total) <= len(str(LARGEST_COUNT))
        shaped["total_record_count"] = int(total) if counted else total
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
