"""Changes that a hostile or broken host could make to an answer: its bytes, values and headers."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from almaflow.alma.simulator import Reply

NUMBERS = ["9" * 400, "9" * 5000, "-1", "1e999", "0.1", "NaN", "-0", "1e300", "00", "9" * 19]
INSTANTS = [
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z", "Z",
    "2026-03-02T08:00:00+99:99", "10000-01-01Z", "2199-12-31T23:59:59Z", "1900-01-01Z",
]  # fmt: skip
TEXTS = [
    "", " ", "\0", "\x1b[2J\x1b]0;x\x07", "\u202e", "\ud800", "é" * 300, "x" * 70_000,
    "/instances/" * 5000, "a/../b", "{{ 1 }}", "::error::", "<html>", "]]>", "true", "null",
    "COMPLETED_SUCCESS", "RUNNING", "402216", "60347", "ROUTING_ERROR", "DAILY_THRESHOLD",
    *NUMBERS, *INSTANTS,
]  # fmt: skip
DEPTHS = [5, 90, 101, 700, 5000]
STATUSES = [
    *(100, 103, 199, 200, 200, 200, 201, 204, 206, 301, 302, 304, 400, 400, 401, 403, 404, 408),
    *(409, 413, 418, 425, 429, 451, 499, 500, 501, 502, 503, 504, 520, 599, 600, 999),
]
PAGES = [
    b"<html><title>Scheduled maintenance</title></html>", b"<html>" + b"<title>" * 6000, b"",
    b"<html " + b"<" * 40_000, b"Service Unavailable", b"\x00" * 1000, b"[]", b"{}", b"null",
    b'"text"', b"5", b"<a/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"<a>" * 5000,
    b"[" * 100_000, b"[" + b"[]," * 300_000 + b"[]]", b'{"errorsExist":true,"errorList":[]}',
    b'{"errorList":{"error":' + b"[" * 90 + b"]" * 90 + b"}}", b"\xff\xfe{\x00}\x00",
]  # fmt: skip
HEADERS: dict[str, list[str]] = {
    "content-type": [
        "", "text/html", "application/xml", "application/json;charset=utf-16", "x" * 60_000,
        "text/plain; charset=punycode", "text/plain; charset=idna", "application/json; charset=",
        "application/xml;charset=iso-8859-99", "text/html; charset=unicode_escape",
    ],
    "date": ["", "Fri, 31 Dec 9999 23:59:59 -2300", "x", *INSTANTS, *NUMBERS,
             "Mon, 02 Mar 2026 08:00:00 +9999", "Thu, 01 Jan 1970 00:00:00 GMT"],
    "x-exl-api-remaining": [*NUMBERS, "", "٣", "10", "0"],
    "x-simulator-hint": ["\x1b[2J", "x" * 60_000],
    "location": ["", "https://status.example/\x1b", "x" * 60_000, "//"],
    "content-encoding": ["gzip", "br"],
}  # fmt: skip


def mutated_reply(reply: Reply, chance: random.Random) -> Reply:
    """Return *reply* with one to three changes."""
    for _ in range(chance.choice([1, 1, 2, 3])):
        reply = chance.choice(_CHANGES)(reply, chance)
    return reply


def mutated_bytes(content: bytes, chance: random.Random) -> bytes:
    """Return *content* with one to three changes of its bytes."""
    for _ in range(chance.choice([1, 1, 2, 3])):
        at, until = sorted(chance.choices(range(len(content) + 1), k=2))
        until = min(until, at + chance.choice([1, 2, 10, 1000]))
        piece = content[at:until]
        content = content[:at] + _piece(piece, chance) + content[until:]
    return content


def _piece(piece: bytes, chance: random.Random) -> bytes:
    match chance.randrange(6):
        case 0:
            return b""
        case 1:
            return piece * chance.choice([2, 100])
        case 2:
            return bytes(byte ^ (1 << chance.randrange(8)) for byte in piece)
        case 3:
            return chance.randbytes(chance.choice([1, 10, 100]))
        case 4:
            return chance.choice([b"\r\n", b"\0", b"\n\n", b"0\r\n\r\n", b"{", b"[", b"<", b'"'])
    return chance.choice(TEXTS).encode("utf-8", "surrogatepass")


def _bytes(reply: Reply, chance: random.Random) -> Reply:
    return replace(reply, body=mutated_bytes(reply.body, chance))


def _status(reply: Reply, chance: random.Random) -> Reply:
    return replace(reply, status=chance.choice(STATUSES))


def _header(reply: Reply, chance: random.Random) -> Reply:
    name = chance.choice(list(HEADERS))
    return replace(reply, headers={**reply.headers, name: chance.choice(HEADERS[name])})


def _page(reply: Reply, chance: random.Random) -> Reply:
    return replace(reply, body=chance.choice(PAGES))


def _value(reply: Reply, chance: random.Random) -> Reply:
    """Change values: of JSON by its structure, of XML by its text."""
    try:
        data = json.loads(reply.body)
    except (ValueError, RecursionError):
        return _xml_value(reply, chance)
    for _ in range(chance.choice([1, 1, 3])):
        data = _changed(data, chance)
    try:
        return replace(reply, body=_written(data))
    except (RecursionError, ValueError):
        return reply


def _written(data: Any) -> bytes:
    """Return *data* as JSON; numbers that Python would not write come out of their quotes."""
    marked = json.dumps(data)
    return re.sub(r'"RAW:([^"]*)"', r"\1", marked).encode()


def _changed(data: Any, chance: random.Random) -> Any:
    """Return *data* with one value, anywhere in it, replaced, doubled, wrapped or left out."""
    if isinstance(data, dict) and data and chance.random() < 0.85:
        key = chance.choice(list(data))
        changed = dict(data)
        if chance.random() < 0.1:
            del changed[key]
        else:
            changed[key] = _changed(data[key], chance)
        return changed
    if isinstance(data, list) and data and chance.random() < 0.8:
        at = chance.randrange(len(data))
        return [*data[:at], _changed(data[at], chance), *data[at + 1 :]]
    return _hostile(data, chance)


def _hostile(data: Any, chance: random.Random) -> Any:
    makers: list[Callable[[], Any]] = [
        lambda: None,
        lambda: chance.choice([True, False, [], {}, 0, -1, 1.5, 2**63, 10**30]),
        lambda: chance.choice(TEXTS),
        lambda: "RAW:" + chance.choice(NUMBERS),
        lambda: [data] * chance.choice([2, 50, 11_000 if len(str(data)) < 200 else 3]),
        lambda: {"value": data},
        lambda: {"value": {"value": data}, "desc": data, "link": data},
        lambda: _nested(data, min(700, chance.choice(DEPTHS))),
    ]
    return chance.choice(makers)()


def _nested(data: Any, depth: int) -> Any:
    for _ in range(depth):
        data = {"value": data} if depth % 2 else [data]
    return data


def _xml_value(reply: Reply, chance: random.Random) -> Reply:
    text = reply.body.decode("utf-8", "replace")
    spots = list(re.finditer(r">[^<>]*<|=\"[^\"]*\"", text))
    if not spots:
        return _bytes(reply, chance)
    spot = chance.choice(spots)
    fresh = chance.choice(TEXTS).encode("utf-8", "replace").decode()
    if chance.random() < 0.5:
        fresh = fresh.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    if spot[0].startswith("="):
        changed = f'="{fresh}"' + chance.choice(["", "", ' a="b" a="c"', ' x:y="z"'])
    else:
        depth = chance.choice([0, 0, 0, *DEPTHS])
        repeated = chance.choice([fresh, fresh, f"<z>{fresh}</z>" * 100])
        changed = f">{'<a>' * depth}{repeated}{'</a>' * depth}<"
    text = text[: spot.start()] + changed + text[spot.end() :]
    return replace(reply, body=text.encode("utf-8", "replace"))


_CHANGES: list[Callable[[Reply, random.Random], Reply]] = [
    *(_value, _value, _value, _value, _value),
    *(_bytes, _bytes, _header, _header, _status, _page),
]
