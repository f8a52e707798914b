"""Stars over whatever in `almaflow.yaml` could be a secret, before a problem shows its line.

A key pasted into the file by mistake must not travel into a terminal, a CI log or a report.
Shown are keys, references such as `env:NAME`, and the values of fields that never hold a secret.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import takewhile
from typing import Any

from pydantic import BaseModel

from almaflow.document import Document, PathTo
from almaflow.field_types import Plain
from almaflow.late_patterns import late_pattern
from almaflow.model_fields import fields_of, models_in
from almaflow.problems import Problem
from almaflow.settings.models import Settings
from almaflow.settings.references import SecretRef, is_reference
from almaflow.settings.strength import SHORTEST_SECRET

# `url`, `base_url` and `store` may hold a password, `host_key` looks like one.
_DOUBTFUL = frozenset({"url", "base_url", "store"})
_PAIR = late_pattern(r"(?<![\w.-])([\w.-]+)[\"']?\s*:(?!//)\s*")
# A message may have a value without the marks around it, as an anchor has.
_MARKS = "*&!@%{}[]|>"
_SEPARATORS = late_pattern(r"[\s:,=/\\\"'`]+")
# A shorter value is a part of many words of messages, and no secret.
_SHORTEST_REPEATED = 5
_VALUE = late_pattern(r"\"[^\"]*\"?|'[^']*'?|[^,}\s\[{][^,}#]*")


def hide_literals(document: Document) -> None:
    """Star, in every problem of *document* from now on, values that may be secrets."""
    for path in _doubtful(document.data, ()):
        document.hide_value(path)


def without_values(problems: Iterable[Problem], text: str) -> list[Problem]:
    """Return *problems* of the file *text* with stars over values that messages about YAML repeat.

    Other messages repeat only values of fields that hold no secret.
    """
    parts = _doubtful_parts(text)
    return [
        dataclasses.replace(problem, message=_without(problem.message, parts))
        if problem.code.startswith("yaml-")
        else problem
        for problem in problems
    ]


def with_starred_lines(problems: Iterable[Problem]) -> list[Problem]:
    """Return *problems* of a file that is not YAML, values in their lines starred."""
    return [dataclasses.replace(one, line_text=_starred(one.line_text)) for one in problems]


def _without(message: str, parts: Mapping[str, Sequence[str]]) -> str:
    """Star in a message each of *parts*, and the beginning of one that it cut short."""
    starred, at = "", 0
    while at < len(message):
        rest = message[at:]
        fitting = [
            _common_length(rest, part)
            for size in range(_SHORTEST_REPEATED, SHORTEST_SECRET + 1)
            for part in parts.get(rest[:size], ())
        ]
        starred += "***" if fitting else rest[0]
        at += max(fitting, default=1)
    return starred


def _common_length(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _doubtful_parts(text: str) -> dict[str, list[str]]:
    """Return the parts of values that may be secrets, by what a message has of each at least."""
    parts: set[str] = set()
    for line in text.splitlines():
        starred = _starred(line)
        hidden = "".join(old if new == "*" else " " for old, new in zip(line, starred, strict=True))
        words = (word.strip(_MARKS) for word in _SEPARATORS.split(hidden))
        parts.update(word for word in words if len(word) >= _SHORTEST_REPEATED)
    by_beginning: dict[str, list[str]] = {}
    for part in parts - _known_keys():
        by_beginning.setdefault(part[:SHORTEST_SECRET], []).append(part)
    return by_beginning


def _doubtful(data: Any, path: PathTo) -> Iterator[PathTo]:
    if isinstance(data, (dict, list)):
        entries = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in entries:
            yield from _doubtful(value, (*path, key))
        return
    text = data.text if isinstance(data, Plain) else str(data)
    last_key = next((key for key in reversed(path) if isinstance(key, str)), "")
    if not (is_reference(text) or _is_harmless(last_key, path[:-1])):
        yield path


def _is_harmless(key: str, around: PathTo) -> bool:
    """Whether the value of *key* never is a secret; names that users choose are not evidence."""
    if {"secrets", "channels"} & set(around):
        return False
    harmless, doubtful = _sorted_keys(with_later=False)
    if "serve" in around or key not in harmless | doubtful:
        # Few files have a key of the models that are imported later.
        harmless, doubtful = _sorted_keys(with_later=True)
    return key in harmless


def _starred(line: str) -> str:
    """Star the doubtful values of a line, keys and braces left."""
    masked, position = "", 0
    for match in _PAIR.finditer(line):
        if match.start() < position:
            continue
        value = _VALUE.match(line, match.end())
        if value is None:
            continue
        text = value.group()
        harmless, _ = _sorted_keys(with_later=True)
        keep = match[1] in harmless or is_reference(text.strip("\"' "))
        masked += line[position : match.end()] + (text if keep else "*" * len(text))
        position = value.end()
    rest = line[position:]
    # A line without a key may continue a value of the line above.
    return masked + (re.sub(r"[^\s\-{}\[\],#]", "*", rest) if not masked else rest)


@cache
def _known_keys() -> frozenset[str]:
    return frozenset(key for model in models_in(Settings) for key in fields_of(model))


@cache
def _sorted_keys(*, with_later: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Return the keys whose values never are a secret, and the others.

    *with_later*: also those of models that are imported later.
    """
    keys: set[str] = set()
    secret: set[str] = set(_DOUBTFUL)
    for model in models_in(Settings, with_later=with_later):
        for key, field in fields_of(model).items():
            # Where a mapping belongs, a bare text may be anything.
            is_harmless_type = not any(
                part is SecretRef or (isinstance(part, type) and issubclass(part, BaseModel))
                for part in _parts(field.annotation)
            )
            (keys if is_harmless_type else secret).add(key)
    return frozenset(keys - secret), frozenset(secret)


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in typing.get_args(annotation):
        yield from _parts(argument)
