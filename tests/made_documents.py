"""Texts of YAML that are parsed once: tests write the same files again and again.

What the parser made of a text is repeated, event by event; almaflow makes a document of it each
time. A text that the parser refuses is parsed each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from ruamel.yaml import YAML

from almaflow.document import tree

# What a process keeps: texts of files, of a few thousand characters at most.
_TEXTS, _LONGEST = 300, 10_000

_parsed: OrderedDict[str, Sequence[Any]] = OrderedDict()


class _Parser:
    """Parses as ruamel.yaml does."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    def parse(self, text: str) -> Iterator[Any]:
        events = _parsed.get(text)
        if events is None:
            yield from self._new_events(text)
        else:
            _parsed.move_to_end(text)
            yield from events

    def _new_events(self, text: str) -> Iterator[Any]:
        events = []
        for event in YAML(**self._options).parse(text):
            events.append(event)
            yield event
        if len(text) <= _LONGEST:
            _parsed[text] = events
            while len(_parsed) > _TEXTS:
                _parsed.popitem(last=False)


def parse_texts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a text that this process has parsed before not be parsed again."""
    monkeypatch.setattr(tree, "YAML", _Parser)
