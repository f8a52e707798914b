"""The events of a YAML text: what begins and ends where.

ruamel.yaml's parser is the authority: it decides what is YAML, and its errors are the ones that are
explained. libyaml's parser, which PyYAML brings, sends the same events in a tenth of the time.
It is asked first, and what it sends counts where both are known to agree. They differ in tabs, line
breaks of YAML 1.1, directives, tags, a few marks next to each other, and in errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern, patterns_of_a_library_late

try:
    # Those of PyYAML's own parser take longer to compile than a short file to read.
    with patterns_of_a_library_late():
        from yaml import YAMLError, _yaml
except ImportError:  # PyYAML was built without libyaml.
    _yaml = None

MAX_LEVELS = 100
"""The levels of the deepest tree."""

# Each older version differs in more.
_HAS_LIBYAML = _yaml is not None and _yaml.get_version() >= (0, 2, 5)
# More than the most values have: each has a beginning, and may have a key and an end.
_MOST_EVENTS = 100_000
# What only ruamel.yaml reads: characters; lines of directives, ends of documents; `?` without a key
# behind it; `|` with a comment right behind it, and `|` above a line of spaces.
_DIFFERENT = late_pattern(
    r"[\t\x85\u2028\u2029\ufeff]|^(?:%|\.\.\.)|(?<![^\s{\[,])\?(?=[\s,:}\]#]|\Z)"
    r"|[|>][-+0-9]*#|[|>][^\r\n|>]*(?:\r\n?|\n) +[\r\n]",
    re.MULTILINE,
)
# Both parsers read about a thousand characters ahead, to see whether a bracket is a key.
_DEEP = late_pattern(r"\[{1100}")
# ruamel.yaml adds up tags and spaces character by character, each time with a copy of all before.
_LONGEST_LINE = 100_000
_LONG_LINE = late_pattern(rf"[^\r\n]{{{_LONGEST_LINE + 1}}}")
# libyaml lets other characters end the name of an anchor, such as a colon.
_AFTER_NAME = frozenset(("", *" \r\n,]}"))
_BLOCK_STYLES = ("|", ">")


EventKind = Literal["document", "scalar", "alias", "list", "mapping", "end"]
"""What an event says begins, or that a list or a mapping ends.

Members of an enumeration take several times as long to compare, and a file has thousands of events.
"""


@dataclass
class Event:
    """What begins at *begin* and ends at *end*, in characters; anchor and tag come first.

    *value* and *style*, its quote, `|` or `>`, are those of a scalar.
    """

    kind: EventKind
    begin: int
    end: int
    anchor: str | None = None
    has_tag: bool = False
    value: str = ""
    style: str | None = None


class SyntaxWrong(Exception):
    """The text is not YAML: *problem* begins at *at*; what was being read, at *context*."""

    def __init__(self, problem: str, at: int, context: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.at = at
        self.context = context


class LineTooLong(Exception):
    """A line of a text that only ruamel.yaml reads begins at *at*; *longest* is the bound."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at
        self.longest = _LONGEST_LINE


# The classes of both parsers have the same names.
_KINDS: dict[str, EventKind] = {
    "DocumentStartEvent": "document",
    "ScalarEvent": "scalar",
    "AliasEvent": "alias",
    "SequenceStartEvent": "list",
    "MappingStartEvent": "mapping",
    "SequenceEndEvent": "end",
    "MappingEndEvent": "end",
}


def events_of(text: str) -> Iterable[Event]:
    """Return the events of *text*, whose characters are all printable.

    Raises:
        SyntaxWrong: when the events before the error have been taken.
        LineTooLong: the text would take too long to read.
        ValueError, OverflowError: an escape has too large a number.
        AssertionError: a directive asks for another version of YAML.
    """
    # libyaml refuses a thousand levels in a row, and ruamel.yaml reads them in seconds.
    deep = _DEEP.search(text)
    events = _events_of_libyaml(text[: deep.start() + MAX_LEVELS + 1]) if deep else None
    if events and _levels(events) > MAX_LEVELS:
        return events
    if (events := _events_of_libyaml(text)) is not None:
        return events
    if long := _LONG_LINE.search(text):
        raise LineTooLong(long.start())
    return _events_of_ruamel(text)


def _levels(events: Sequence[Event]) -> int:
    """Return how many lists and mappings have begun in *events* and not ended."""
    begun = sum(one.kind in ("list", "mapping") for one in events)
    return begun - sum(one.kind == "end" for one in events)


def _events_of_ruamel(text: str) -> Iterator[Event]:
    # 50 ms, which only who has a mistake in a file should pay.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            kind = _KINDS.get(type(event).__name__)
            if kind is not None:
                yield _event(kind, event)
    except MarkedYAMLError as error:
        context = error.context_mark or error.problem_mark
        at = error.problem_mark or context
        problem = f"{error.context or ''} | {error.problem or ''}"
        raise SyntaxWrong(problem, at.index, context.index) from error


def _events_of_libyaml(text: str) -> list[Event] | None:
    """Return the events of *text*; None where ruamel.yaml may see it differently."""
    if not _HAS_LIBYAML or _DIFFERENT.search(text):
        return None
    parser = _yaml.CParser(text)
    events: list[Event] = []
    levels = documents = 0
    try:
        while (event := parser.get_event()) is not None:
            kind = _KINDS.get(type(event).__name__)
            if kind is None:
                continue
            made = _event(kind, event)
            if kind == "end":
                levels -= 1
            elif kind == "document":
                documents += 1
            elif kind in ("list", "mapping"):
                levels += 1
                if kind == "mapping" and _is_pair(text, event, events[-1]):
                    return None
            if documents > 1 or _may_differ(text, made, is_root=levels == 0):
                return None
            events.append(made)
            if levels > MAX_LEVELS or len(events) > _MOST_EVENTS:
                # No tree is built of more.
                break
    except YAMLError:
        return None
    return events


def _is_pair(text: str, event: Any, before: Event) -> bool:
    """Whether *event* begins a mapping without braces in a list: `[a: b]`, `[{a: b}: c]`.

    Of the latter, the mapping and its first key begin at the same brace, one after the other.
    """
    if event.anchor is not None:
        return False
    begin = event.start_mark.index
    is_bare = event.flow_style and text[begin] != "{"
    return bool(is_bare or (before.kind == "mapping" and before.begin == begin))


def _may_differ(text: str, event: Event, *, is_root: bool) -> bool:
    """Whether ruamel.yaml may see *event* differently."""
    if event.anchor is not None:
        after = event.begin + 1 + len(event.anchor)
        return event.has_tag or text[after : after + 1] not in _AFTER_NAME
    return event.has_tag or (is_root and event.style in _BLOCK_STYLES)


def _event(kind: EventKind, event: Any) -> Event:
    begin, end = event.start_mark.index, event.end_mark.index
    if kind == "scalar":
        style = event.style or None
        return Event(kind, begin, end, event.anchor, event.tag is not None, event.value, style)
    if kind in ("list", "mapping"):
        return Event(kind, begin, end, event.anchor, event.tag is not None)
    return Event(kind, begin, end, event.anchor if kind == "alias" else None)
