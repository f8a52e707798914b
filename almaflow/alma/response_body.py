"""Read the body of any response: JSON, XML in JSON's shape, HTML, plain text, nothing, or garbage.

Alma's gateway responds in XML although JSON was requested, and a wrong host responds in HTML, so
neither the request nor the content type alone tells what a body is.

Source: `alma-api.md`, 1.4 and 2.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NoReturn

from almaflow.alma.transport import LARGEST_RESPONSE
from almaflow.alma.value_parsing import printable
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern

MOST_VALUES = 500_000
"""Values of a JSON body, counted by its brackets and commas: each may take 200 bytes of memory. The
largest of Alma's pages, 1,000 report rows or 100 jobs with all parameters, have some 100,000."""

DEEPEST = 100
"""Levels of nesting of a JSON body; Alma's have at most ten, and recursion ends at 1,000."""

LONGEST_NUMBER = 100
"""Characters of a number in JSON. Ids have 17 digits; Python reads no more than 4,300."""

PAGE_START = 4096
"""Characters of a web page or a plain text that are searched for its title or beginning."""

LONGEST_EXCERPT = 200
"""Characters of such a text that people are shown."""

# Characters in which secrets are hidden first: a part of one that was cut would not be found.
_HIDDEN = 4 * PAGE_START


class BodyFormat(Enum):
    """What a body turned out to be."""

    DATA = "data"
    """JSON, or XML that was turned into JSON's shape."""
    EMPTY = "empty"
    HTML = "a web page"
    TEXT = "plain text"
    BROKEN = "broken"
    """It begins like JSON or XML and is none: cut off, or damaged."""


@dataclass(frozen=True)
class ResponseBody:
    """A body, read. *summary* is what people see of one that is not data: a web page's
    title, the beginning of a text, or why it is broken.
    """

    shape: BodyFormat
    data: Any = None
    summary: str = ""


def read_body(
    content: bytes, content_type: str = "", hide: Callable[[str], str] = str
) -> ResponseBody:
    """Find out what *content* is and read it; never raises. *hide* stars secrets in a summary."""
    if len(content) > LARGEST_RESPONSE:
        message = f"a response larger than {LARGEST_RESPONSE // 1024**2} MiB"
        return ResponseBody(BodyFormat.BROKEN, summary=message)
    text = _decoded(content, content_type)
    start = text.lstrip("\ufeff \t\r\n\0")
    if not start:
        return ResponseBody(BodyFormat.EMPTY)
    if re.match(r"<(!doctype\s+html|html)\b", start, re.IGNORECASE):
        return _web_page(hide(start[:_HIDDEN]))
    if start[0] in "{[":
        return _json(start)
    if start[0] == "<":
        body = _xml(start)
        # An HTML fragment without its usual beginning.
        is_page = body.shape is BodyFormat.BROKEN and "html" in content_type.casefold()
        return _web_page(hide(start[:_HIDDEN])) if is_page else body
    if "json" in content_type.casefold():
        return _json(start)
    shown = hide(start[:_HIDDEN])
    if "html" in content_type.casefold():
        return _web_page(shown)
    return ResponseBody(BodyFormat.TEXT, summary=_excerpt(shown))


# --- JSON -----------------------------------------------------------------------------------


def _json(text: str) -> ResponseBody:
    if sum(map(text.count, "[{,")) > MOST_VALUES:
        return _broken("JSON", f"it has more than {MOST_VALUES:,} values")
    try:
        data = json.loads(
            text, parse_constant=_refuse_constant, parse_int=_whole, parse_float=_decimal
        )
    except (ValueError, RecursionError) as error:
        return _broken("JSON", error.msg if isinstance(error, json.JSONDecodeError) else str(error))
    if _is_too_deep(data):
        return _broken("JSON", f"it is nested deeper than {DEEPEST} levels")
    return ResponseBody(BodyFormat.DATA, _storable(data) if _UNSTORABLE.search(text) else data)


# Half a character (`\ud83d` alone) can be neither stored nor printed, NUL not be stored.
_UNSTORABLE = late_pattern(r"\\u([dD][89a-fA-F]|0000)")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid in JSON")


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"it contains a number of {len(digits)} digits")
    return int(digits)


def _decimal(written: str) -> float:
    value = float(written) if len(written) <= LONGEST_NUMBER else math.inf
    if math.isinf(value):
        raise ValueError("it contains a number that is too long or too large")
    return value


def _is_too_deep(data: Any) -> bool:
    level = [data]
    for _ in range(DEEPEST):
        inside = (inner for outer in level for inner in _inside(outer))
        level = [inner for inner in inside if isinstance(inner, list | dict)]
        if not level:
            return False
    return True


def _inside(data: Any) -> Iterable[Any]:
    if isinstance(data, list):
        return data
    return data.values() if isinstance(data, dict) else ()


def _storable(data: Any) -> Any:
    if isinstance(data, str):
        whole = data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole.replace("\0", "\ufffd")
    if isinstance(data, list):
        return [_storable(entry) for entry in data]
    if isinstance(data, dict):
        return {_storable(key): _storable(value) for key, value in data.items()}
    return data


def _broken(kind: str, why: str) -> ResponseBody:
    return ResponseBody(BodyFormat.BROKEN, summary=f"{kind} that cannot be read ({why})")


# --- XML ------------------------------------------------------------------------------------


def _xml(text: str) -> ResponseBody:
    # Late: most responses are JSON, and the parsers take long to import.
    from almaflow.alma.shaped_xml import shaped_xml
    from almaflow.alma.xmltree import XmlInvalid

    try:
        # As a text, which is decoded already, whatever its declaration says.
        return ResponseBody(BodyFormat.DATA, shaped_xml(text))
    except XmlInvalid as error:
        return _broken("XML", str(error))


# --- texts ----------------------------------------------------------------------------------


# The charsets that are read. Among Python's others are some that take time by the square of the
# length (punycode), or mean something else than characters.
_CHARSETS = late_pattern(
    r"utf-?8|utf-?16(le|be)?|(us-)?ascii|latin-?1|iso-8859-\d{1,2}|(windows-|cp)125\d",
    re.IGNORECASE,
)
_CHARSET = late_pattern(r"charset=[\"']?([\w.:-]+)")
_DECLARED = late_pattern(rb"<\?xml[^>]*?\sencoding=[\"']([\w.:-]+)")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


def _decoded(content: bytes, content_type: str) -> str:
    """Return *content* as text; a byte that cannot be read becomes U+FFFD."""
    charset = _charset(content, content_type)
    try:
        return content.decode(charset, "replace")
    except LookupError:
        # Such as iso-8859-99.
        return content.decode("utf-8", "replace")


def _charset(content: bytes, content_type: str) -> str:
    if content.startswith(_BYTE_ORDER_MARKS):
        return "utf-16"
    named = _CHARSET.search(content_type.casefold())
    charset = named[1] if named else "utf-8"
    declared = _DECLARED.match(content[:PAGE_START].lstrip(b"\xef\xbb\xbf \t\r\n"))
    if declared and not declared[1].lower().startswith(b"utf-16"):
        # What can be read by bytes is not UTF-16, whatever it says, as Analytics' reports do.
        charset = declared[1].decode("ascii", "replace")
    return charset if _CHARSETS.fullmatch(charset) else "utf-8"


def _web_page(text: str) -> ResponseBody:
    import html

    text = text[:PAGE_START]
    title = re.search(r"<(title|h1)\b[^>]*>(.*?)</\1", text, re.IGNORECASE | re.DOTALL)
    heading = title[2] if title else text
    return ResponseBody(
        BodyFormat.HTML, summary=_excerpt(html.unescape(re.sub(r"<[^>]*>", " ", heading)))
    )


def _excerpt(text: str) -> str:
    """Return the beginning of *text* on one line, without control characters."""
    line = printable(text[:PAGE_START])
    return line if len(line) <= LONGEST_EXCERPT else line[: LONGEST_EXCERPT - 1].rstrip() + "…"
