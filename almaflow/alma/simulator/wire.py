"""Objects to JSON and XML and back, the way Alma writes and reads them (alma-api.md 2, 10.3)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from almaflow.alma.simulator.reply import ApiError, ErrorEnvelope, bad_request

_JSON_TYPE = "application/json;charset=UTF-8"
_XML_TYPE = "application/xml;charset=UTF-8"
_XML_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
# Resolves nowhere, exactly so.
_ERROR_NAMESPACE = "http://com/exlibris/urm/general/xmlbeans"

# What JSON shows as an array under the singular name, XML wraps in the plural.
_IN_LISTS = (
    "job job_instance set member parameter alert counter action event event_key row "
    "integration_profile import_profile code_table mapping_table location circ_desk department "
    "letter reminder deposit_profile day hour path open_hour printer license_term fee"
)
_PLURALS = {
    **{one: f"{one}s" for one in _IN_LISTS.split()},
    "match": "matches",
    "library": "libraries",
}
_SINGULARS = {plural: singular for singular, plural in _PLURALS.items()}
# Objects and lists inside each other; those of Alma have about six.
_DEEPEST = 50
_ATTRIBUTES = ("link", "total_record_count")
# Attributes of an element that has nothing but a text inside.
_OF_TEXTS = ("desc", "link", "type")
# Names of fields that can be names of elements; callers may send others in what is kept.
_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# Characters that XML 1.0 cannot carry at all.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def wants_json(query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Tell the format asked for: `?format=` before `Accept`; without either it is XML."""
    if asked := query.get("format", "").lower():
        return asked == "json"
    best, found = 0.0, "xml"
    for part in headers.get("accept", "").lower().split(","):
        kind, _, rest = part.partition(";")
        quality = _quality(rest)
        for name in ("json", "xml"):
            if f"/{name}" in kind and quality > best:
                best, found = quality, name
    return found == "json"


def _quality(parameters: str) -> float:
    match = re.search(r"q=([0-9.]+)", parameters)
    try:
        return float(match.group(1)) if match else 1.0
    except ValueError:
        return 1.0


def render(root: str, data: Mapping[str, Any], as_json: bool) -> tuple[str, bytes]:
    """Return content type and body of an object; *root* is the name of its XML element."""
    if as_json:
        return _JSON_TYPE, json.dumps(_in_order(data), ensure_ascii=False).encode()
    return _XML_TYPE, (_XML_HEAD + _element(root, data)).encode()


def _in_order(value: Any) -> Any:
    """Return *value* with `id` first and `link` last in each object, as Alma writes JSON."""
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    names = sorted(value, key=lambda name: (name == "link") - (name == "id"))
    return {name: _in_order(value[name]) for name in names}


def _element(tag: str, value: Any) -> str:
    if not isinstance(value, Mapping):
        text = _xml_text(value)
        return f"<{tag}>{text}</{tag}>" if text else f"<{tag}/>"
    if _is_one_text(value):
        return _tag(tag, value, _OF_TEXTS, _xml_text(value["value"]))
    inside = "".join(
        _child(tag, name, item)
        for name, item in value.items()
        if name not in _ATTRIBUTES and item is not None and _XML_NAME.fullmatch(name)
    )
    return _tag(tag, value, _ATTRIBUTES, inside)


def _is_one_text(value: Mapping[str, Any]) -> bool:
    # The type of a counter is coded, and a separate element.
    return (
        "value" in value
        and value.keys() <= {"value", *_OF_TEXTS}
        and not isinstance(value.get("type"), Mapping)
    )


def _child(parent: str, name: str, value: Any) -> str:
    if not isinstance(value, list):
        return _element(name, value)
    items = "".join(_element(name, item) for item in value)
    wrapper = _PLURALS.get(name)
    return items if wrapper in (None, parent) else f"<{wrapper}>{items}</{wrapper}>"


def _tag(tag: str, value: Mapping[str, Any], names: Iterable[str], inside: str) -> str:
    attributes = "".join(
        f" {name}={quoteattr(xml_clean(value[name]))}"
        for name in names
        if value.get(name) is not None
    )
    return f"<{tag}{attributes}>{inside}</{tag}>" if inside else f"<{tag}{attributes}/>"


def xml_clean(value: Any) -> str:
    """Return the text of a value without the characters that XML cannot carry."""
    return _NOT_XML.sub("", text_of(value))


def _xml_text(value: Any) -> str:
    return escape(xml_clean(value))


def text_of(value: Any) -> str:
    """Return the text of a field: plain, coded (`{"value": …}`), true/false, a number, null."""
    while isinstance(value, Mapping):
        value = value.get("value")
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


# --- errors ---------------------------------------------------------------------------------------


def render_error(
    error: ApiError, tracking_id: str, as_json: bool, legacy: bool = False
) -> tuple[str, bytes]:
    """Return content type and body of an error; the gateway's own errors are always XML."""
    entry = {
        "errorCode": error.code,
        "errorMessage": error.message,
        "trackingId": "unknown" if error.shape is ErrorEnvelope.FRAMEWORK else tracking_id,
    }
    if as_json and error.shape is ErrorEnvelope.FRAMEWORK:
        inner = {"errorsExist": True, "errorList": {"error": entry}}
        return _JSON_TYPE, json.dumps({"web_service_result": inner}).encode()
    if as_json and error.shape is ErrorEnvelope.APPLICATION:
        outer: dict[str, Any] = {"errorsExist": True, "errorList": {"error": [entry]}}
        if legacy:
            outer["result"] = None
        return _JSON_TYPE, json.dumps(outer).encode()
    fields = "".join(_element(name, value) for name, value in entry.items())
    text = (
        f'{_XML_HEAD}<web_service_result xmlns="{_ERROR_NAMESPACE}">'
        f"<errorsExist>true</errorsExist><errorList><error>{fields}</error></errorList>"
        f"{'<result/>' if legacy else ''}</web_service_result>"
    )
    return _XML_TYPE, text.encode()


# --- bodies ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RequestBody:
    """A parsed request body; JSON is held to Alma's types, XML has only text."""

    data: dict[str, Any]
    is_json: bool
    bean: str

    def text(self, name: str) -> str:
        """Return a plain field; in JSON an object in its place is refused."""
        value = self.data.get(name)
        if self.is_json and isinstance(value, (dict, list)):
            raise self.misfit(name)
        return text_of(value)

    def coded(self, name: str) -> str:
        """Return the `value` of a coded field; in JSON a plain text in its place is refused."""
        value = self.data.get(name)
        if self.is_json and value is not None and not isinstance(value, dict):
            raise self.misfit(name)
        return text_of(value)

    def items(self, name: str) -> list[dict[str, Any]]:
        """Return the objects of a list field; none when it is absent or empty."""
        value = self.data.get(name)
        if value in (None, ""):
            return []
        if not isinstance(value, list):
            raise self.misfit(name)
        # An XML element without anything in it is an object without fields.
        items = [{} if item == "" and not self.is_json else item for item in value]
        if not all(isinstance(item, dict) for item in items):
            raise self.misfit(name)
        return items

    def part(self, name: str) -> RequestBody:
        """Return an object field as a separate body; empty when it is absent."""
        value = self.data.get(name)
        if value in (None, ""):
            return RequestBody({}, self.is_json, name)
        if not isinstance(value, dict):
            raise self.misfit(name)
        return RequestBody(value, self.is_json, name)

    def misfit(self, name: str) -> ApiError:
        """Return the refusal of a field of the wrong type."""
        return bad_request(
            "Can not deserialize value out of the given token "
            f'(through reference chain: com.exlibris.alma.sdk.{self.bean}["{name}"])'
        )


def parse_body(headers: Mapping[str, str], body: bytes, bean: str) -> RequestBody:
    """Read a request's body as JSON or XML, by its content type, else by its first character.

    Raises:
        ApiError: BAD_REQUEST when it is neither, is not an object, carries a DOCTYPE, or is nested
            deeper than any of Alma's objects.
    """
    kind = headers.get("content-type", "").lower()
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    is_json = "json" in kind or ("xml" not in kind and start != b"<")
    data = _parse_json(body) if is_json else _parse_xml(body)
    if _is_deeper(data, _DEEPEST):
        raise bad_request("The object is nested too deeply")
    return RequestBody(data, is_json, bean)


def _is_deeper(value: Any, levels: int) -> bool:
    """Tell whether *value* has more than so many objects and lists inside each other."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for one in layer
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return any(isinstance(one, (dict, list)) for one in layer)


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body.decode("utf-8-sig"))
        # Half of a surrogate pair is not text, and no answer could quote it.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise bad_request(f"JSON parse error: {error}") from error
    # A client in use sends `null` for a job without parameters.
    if data is not None and not isinstance(data, dict):
        raise bad_request("JSON parse error: an object was expected")
    return data or {}


def _parse_xml(body: bytes) -> dict[str, Any]:
    try:
        root = fromstring(body, forbid_dtd=True)
        value = _plain(root)
    except DefusedXmlException as error:
        raise bad_request("XML parse error: DOCTYPE is disallowed") from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise bad_request(f"XML parse error: {error}") from error
    return value if isinstance(value, dict) and len(root) else {}


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _plain(element: Element) -> Any:
    if len(element) == 0:
        text = element.text or ""
        return {"value": text, **element.attrib} if element.attrib else text
    fields: dict[str, Any] = {}
    for child in element:
        name, value = _local(child), _plain(child)
        singular = _SINGULARS.get(name)
        if singular and singular != "member":
            inside = value if isinstance(value, dict) else {}
            fields.setdefault(singular, []).extend(inside.get(singular, []))
        elif name in _PLURALS:
            fields.setdefault(name, []).append(value)
        else:
            fields[name] = value
    return fields
