"""What models say, as a flat list of facts: a key as people write it, and its value as text.

Defaults count as if they were written, and short forms as their long ones, so that two files that
mean the same have the same facts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel

from almaflow.field_types import Condition, Expression, Plain, TemplateText, format_duration
from almaflow.steps.base import StepBase
from almaflow.workflow import NotificationRule

Facts = dict[str, str]

# Braces around a whole expression mean nothing where a bare one is read.
_BRACES = re.compile(r"\{\{(?P<inside>(?:(?!\{\{|\}\}).)*)\}\}", re.DOTALL)
# User and password in an address.
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")
_LONGEST = 500


def facts_of(value: Any, key: str = "", leave_out: Sequence[str] = ()) -> Facts:
    """Return the facts of a model; steps inside it are left out, and the keys *leave_out*."""
    return {
        name: text
        for name, text in _walk(key, value)
        if not any(name == one or name.startswith(f"{one}.") for one in leave_out)
    }


def _walk(key: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case BaseModel():
            for name, field in type(value).model_fields.items():
                yield from _walk(_joined(key, field.alias or name), getattr(value, name))
        case Mapping():
            for name, inner in value.items():
                yield from _walk(_joined(key, str(name)), inner)
        case list() | tuple() | set() | frozenset():
            yield from _entries(key, list(value))
        case _:
            yield key, text_of(value)


def _entries(key: str, entries: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield the facts of a list: of one of values their list, of models each by what it is."""
    models = [one for one in entries if isinstance(one, BaseModel | Mapping)]
    if any(isinstance(one, StepBase) for one in entries):
        return
    if not models:
        if entries:
            yield key, ", ".join(map(text_of, entries))
        return
    seen: dict[str, int] = {}
    for number, one in enumerate(entries, start=1):
        name = _name_of(one) or str(number)
        seen[name] = seen.get(name, 0) + 1
        again = f" ({seen[name]})" if seen[name] > 1 else ""
        if isinstance(one, NotificationRule):
            yield f"{key} {name}{again}", text_of(", ".join(one.on))
        else:
            yield from _walk(f"{key}[{name}{again}]", one)


def _name_of(entry: Any) -> str:
    """Return what tells an entry of a list from the others; empty: its place does."""
    for attribute in ("id", "name"):
        if isinstance(named := getattr(entry, attribute, None), str):
            return named
    for attribute in ("that", "to"):
        named = getattr(entry, attribute, None)
        if named is not None:
            return text_of(named)
    return ""


def _joined(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def text_of(value: Any) -> str:
    """Return a value as a file would write it, on one line, without logins in addresses."""
    match value:
        case bool():
            text = "true" if value else "false"
        case timedelta():
            text = format_duration(value)
        case Plain():
            text = value.text
        case Condition() | Expression():
            whole = _BRACES.fullmatch(value.text.strip())
            text = " ".join((whole["inside"] if whole else value.text).split())
        case TemplateText():
            text = value.text
        case Enum():
            text = str(value.value)
        case str():
            text = value
        case dict() | list():
            text = json.dumps(value, default=text_of, ensure_ascii=False)
        case _:
            text = str(value)
    text = _LOGIN.sub("***@", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
