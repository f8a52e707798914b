"""The values of expressions as JSON, for the store: what is encoded comes back equal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from types import NoneType
from typing import Any

from almaflow.expressions.values import Counters, Period, span_of, to_text

# The types of most values; they need no encoding. Whoever polls spends its time here.
_SIMPLE = frozenset({str, int, float, bool, NoneType})


def encode(value: Any) -> Any:
    """Return *value* as JSON data; what JSON lacks becomes a mapping with a `$` key."""
    if type(value) in _SIMPLE:
        return value
    if type(value) is dict:
        return _encoded_mapping(value)
    match value:
        case datetime():
            return {"$instant": value.isoformat()}
        case date():
            return {"$date": value.isoformat()}
        case Period() | timedelta():
            span = span_of(value)
            return {"$span": [span.months, span.days, span.elapsed.total_seconds()]}
        case Counters():
            return {"$counters": [dict(counter) for counter in value]}
        case Mapping():
            return _encoded_mapping(value)
        case list() | tuple():
            return [encode(item) for item in value]
    return value


def _encoded_mapping(value: Mapping[Any, Any]) -> Any:
    encoded = {str(key): encode(item) for key, item in value.items()}
    if _looks_encoded(encoded):
        return {"$mapping": [[key, item] for key, item in encoded.items()]}
    return encoded


def decode(value: Any, zone: tzinfo) -> Any:
    """Return what was encoded; instants come back in *zone*."""
    if type(value) in _SIMPLE:
        return value
    match value:
        case dict() if not _looks_encoded(value):
            return {key: decode(item, zone) for key, item in value.items()}
        case {"$instant": str(text)}:
            return datetime.fromisoformat(text).astimezone(zone)
        case {"$date": str(text)}:
            return date.fromisoformat(text)
        case {"$span": [months, days, seconds]}:
            return Period(months, days, timedelta(seconds=seconds))
        case {"$counters": list(counters)}:
            return Counters(counters)
        case {"$mapping": list(pairs)}:
            return {key: decode(item, zone) for key, item in pairs}
        case dict():
            return {key: decode(item, zone) for key, item in value.items()}
        case list():
            return [decode(item, zone) for item in value]
    return value


def plain(value: Any) -> Any:
    """Return encoded JSON data as people and other programs read it: instants as ISO text."""
    kind = type(value)
    if kind in _SIMPLE:
        return value
    # Runs with many items record thousands of small lists and mappings.
    if kind is list:
        return [item if type(item) in _SIMPLE else plain(item) for item in value]
    if kind is dict and not _looks_encoded(value):
        return {key: item if type(item) in _SIMPLE else plain(item) for key, item in value.items()}
    match value:
        case {"$instant": text} | {"$date": text}:
            return text
        case {"$counters": counters}:
            return counters
        case {"$span": [months, days, seconds]}:
            return to_text(Period(months, days, timedelta(seconds=seconds)))
        case {"$mapping": pairs}:
            return {key: plain(item) for key, item in pairs}
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


def _looks_encoded(value: Mapping[str, Any]) -> bool:
    """Whether a mapping is an encoded value, or one of the user's that looks like one."""
    return "$" in [key[:1] for key in value]
