"""The tree of a YAML text, built from the events of a parser.

One loop over the events with a stack of our own: the composers of the parsers recurse with the
file, follow aliases without limit and forget where keys are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from almaflow.document.events import MAX_LEVELS, Event, LineTooLong, SyntaxWrong, events_of
from almaflow.document.hazards import holds_coded_key
from almaflow.document.opened import OpenCollection, PendingKey
from almaflow.document.scalars import has_half, join_halves, resolve
from almaflow.document.source import Node, SourceText, Span
from almaflow.field_types import Plain
from almaflow.late_patterns import late_pattern
from almaflow.problems import MOST_PROBLEMS, Location, Problem, did_you_mean

if TYPE_CHECKING:
    from almaflow.document.parser_failures import Mistake

MAX_VALUES = 30_000

_ANCHOR = late_pattern(r"&[^\s,\[\]{}]+")
_BIG_NUMBER = late_pattern(r"\\U(?!000|0010)[0-9a-fA-F]{8}")
_VERSION = late_pattern(r"^%YAML.*", re.MULTILINE)
_TAG = late_pattern(r"![^\s,\[\]{}]*")
_TAG_BEFORE = late_pattern(r"![^\s,\[\]{}]*\s+$")
# Tags are a few words; how far (characters) to look for one in front of an anchor.
_LONGEST_TAG = 200
# What is allowed between an anchor or a tag and its value.
_GAP = late_pattern(r"(?:[ \t\r\n]|(?<=\s)#[^\r\n]*)*")


_SECOND_DOCUMENT = "A second document begins here, but a file has only one. Make it two files."


class _Stop(Exception):
    """Reading cannot continue; the reason is among the problems."""


class TreeBuilder:
    """Builds the data and the nodes of *source*; what is wrong gathers in `problems`.

    *left_out* counts what is not among them, *coded_keys* are scalars with an Alma key in escapes.
    """

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.left_out = 0
        self.coded_keys: list[Span] = []
        self._stack: list[OpenCollection] = []
        self._anchors: dict[str, tuple[Any, Node] | None] = {}
        self._values = 0
        self._result: tuple[Any, Node | None] = (None, None)

    def build(self) -> tuple[Any, Node | None]:
        """Return the data and its node; no node when nothing is there or reading stopped."""
        documents = 0
        try:
            for event in self._events():
                if event.kind == "document":
                    documents += 1
                    self._check_start(event, documents)
                elif event.kind == "end":
                    self._close(event.end)
                else:
                    self._take(event)
        except _Stop:
            return None, None
        return self._result

    def _events(self) -> Iterator[Event]:
        try:
            yield from events_of(self.source.text)
        except SyntaxWrong as error:
            self._syntax_error(error)
        except LineTooLong as error:
            message = (
                f"This line has more than {error.longest:,} characters. Break it into several "
                "lines, or move data to another file."
            )
            self._note("yaml-limit", message, (error.at, error.at + 1))
            raise _Stop from None
        except (ValueError, OverflowError):
            # The scanner computes `\U` escapes without looking at their size.
            match = _BIG_NUMBER.search(self.source.text)
            message = "This number is too large for a character."
            self._note("yaml-escape", message, match.span() if match else (0, 1))
            raise _Stop from None
        except AssertionError:
            # The parser knows no other versions; `directives` has seen those above the document.
            match = _VERSION.search(self.source.text)
            span = match.span() if match else (0, 1)
            self._note("yaml-second-document", _SECOND_DOCUMENT, span)
            raise _Stop from None

    def _syntax_error(self, error: SyntaxWrong) -> None:
        from almaflow.document.mistakes import explain
        from almaflow.document.parser_failures import ParserFailure

        source = self.source
        mark = source.mark(error.at)
        failure = ParserFailure(error.problem, mark, source.mark(error.context))
        mistake = explain(source.lines, failure)
        line = mistake.mark[0] + 1
        if any(
            known.code == mistake.code or known.code == "yaml-unquoted-template"
            for known in self.problems
            if known.location.line in (line, mark[0] + 1)
        ):
            # Told already; the parser only stumbles over the consequences.
            raise _Stop from error
        self.problems = [
            known
            for known in self.problems
            if known.code != "yaml-unknown-anchor" or known.location.line != line
        ]
        self._note_mistake(mistake)
        raise _Stop from error

    def _check_start(self, event: Event, number: int) -> None:
        if number > 1:
            self._note("yaml-second-document", _SECOND_DOCUMENT, (event.begin, event.end))
            raise _Stop

    def _take(self, event: Event) -> None:
        """Take in the begin of a value: a scalar, an alias, a list or a mapping."""
        top = self._stack[-1] if self._stack else None
        is_key = top is not None and isinstance(top.data, dict) and top.key is None
        if event.kind == "alias":
            self._alias(event, is_key)
            return
        span, is_empty = self._span(event)
        if event.kind == "scalar":
            if is_key:
                self._key(event, span, is_empty)
                return
            self._count(1, span)
            if is_empty and top is not None and top.key is not None:
                # Nothing is there: its key is what can be seen.
                span = top.key.span
            self._scalar(event, span)
            return
        self._count(1, span)
        self._open(event, span, is_key)

    def _span(self, event: Event) -> tuple[Span, bool]:
        """Return where *event*'s value is, without anchor and tag, and whether it is empty."""
        begin, end = event.begin, event.end
        if event.has_tag:
            self._note_tag(begin)
        text = self.source.text
        for _ in range(2):
            match = (event.anchor and _ANCHOR.match(text, begin)) or (
                event.has_tag and _TAG.match(text, begin)
            )
            if match:
                after = _GAP.match(text, match.end())
                begin = after.end() if after else match.end()
        is_scalar = event.kind == "scalar"
        is_empty = is_scalar and not event.value and event.style is None
        if is_empty or begin > end:
            begin = event.begin
        return (begin, max(begin, end)), is_empty

    def _note_tag(self, begin: int) -> None:
        """Note the tag of the value whose anchor or tag begins at *begin*."""
        match = _TAG.search(self.source.text, begin)
        if self.source.text.startswith("&", begin):
            # The parser gives the anchor's place; the tag may be on either side of it.
            match = (
                _TAG_BEFORE.search(self.source.text, max(0, begin - _LONGEST_TAG), begin) or match
            )
        span = match.span(0) if match else (begin, begin + 1)
        tag = self.source.text[span[0] : span[1]].rstrip()
        message = (
            f"`{tag}` is a tag, and tags are not allowed. Put the value in quotes if it is "
            "text. Otherwise, remove the tag."
        )
        self._note("yaml-tag", message, (span[0], span[0] + len(tag)))

    def _key(self, event: Event, span: Span, is_empty: bool) -> None:
        top = self._stack[-1]
        text = event.value
        if is_empty:
            self._note("yaml-key", "A key is missing before this `:`.", span)
            top.key = PendingKey(None, span)
            return
        text = self._whole_characters(event, span)
        if event.anchor:
            self._anchors[event.anchor] = (text, Node(span, text, event.style))
        if text in top.node.keys:
            first = self.source.location(top.node.keys[text])
            message = (
                f"The key `{text}` appears twice. The first is in line {first.line}, column "
                f"{first.column}. Keep one of them."
            )
            self._note("duplicate-key", message, span)
            top.key = PendingKey(None, span)
            return
        top.node.keys[text] = span
        top.key = PendingKey(text, span)

    def _scalar(self, event: Event, span: Span) -> None:
        value = self._whole_characters(event, span)
        data = resolve(value) if event.style is None else value
        node = Node(span, value, event.style)
        if event.anchor:
            self._anchors[event.anchor] = (data, node)
        self._add(data, node)

    def _whole_characters(self, event: Event, span: Span) -> str:
        """Return the text of a scalar; notes half of a character without its other half."""
        text = event.value
        if event.style == '"' and has_half(text):
            text = join_halves(text)
            if has_half(text):
                message = (
                    "An escape from `\\ud800` to `\\udfff` is half of a character, and its "
                    "other half is missing. Write the character itself."
                )
                self._note("yaml-escape", message, span)
        if event.style == '"' and holds_coded_key(self.source, span, text):
            self.coded_keys.append(span)
        return text

    def _alias(self, event: Event, is_key: bool) -> None:
        span = (event.begin, event.end)
        name = event.anchor or ""
        known = self._anchors.get(name)
        if is_key:
            message = "A key cannot be a reference (`*name`). Write the key itself."
            self._note("yaml-key", message, span)
            self._stack[-1].key = PendingKey(None, span)
            return
        if known is None:
            self._note(*self._bad_alias(name), span)
            self._add("", Node(span, ""))
            return
        data, node = known
        self._count(node.size, span)
        self._check_levels(len(self._stack) + node.height, span)
        self._add(data, node)

    def _bad_alias(self, name: str) -> tuple[str, str]:
        if name in self._anchors:
            return (
                "yaml-recursion",
                (
                    f"`*{name}` is inside the value that `&{name}` names, and a value cannot "
                    "contain itself."
                ),
            )
        return (
            "yaml-unknown-anchor",
            f"`*{name}` refers to `&{name}`, which is not above it in this "
            f"file{did_you_mean(name, self._anchors) or '.'} Put `*{name}` in quotes if it is "
            "text.",
        )

    def _open(self, event: Event, span: Span, is_key: bool) -> None:
        is_mapping = event.kind == "mapping"
        if is_key:
            if not any(outer.is_key for outer in self._stack):
                self._note_collection_key(span)
            self._stack[-1].key = PendingKey(None, span)
        if event.anchor:
            self._anchors[event.anchor] = None
        data: dict[str, Any] | list[Any] = {} if is_mapping else []
        self._stack.append(OpenCollection(Node(span), data, event.anchor, is_key=is_key))
        self._check_levels(len(self._stack), span)

    def _note_collection_key(self, span: Span) -> None:
        begin = span[0]
        text = self.source.text
        if text.startswith("{", begin) and text.startswith("{", begin - 1) and begin:
            from almaflow.document.mistakes import template_mistake

            row, column = self.source.mark(begin - 1)
            line = self.source.lines[row]
            end = line.find("}}", column)
            length = (end + 2 if end > 0 else len(line)) - column
            self._note_mistake(template_mistake(self.source.lines, (row, column), length))
        else:
            self._note("yaml-key", "A key must be text, not a list or a mapping.", span)

    def _close(self, end: int) -> None:
        closed = self._stack.pop()
        node = closed.node
        if isinstance(closed.data, dict):
            self._merge(closed)
        children = node.children.values()
        node.size = 1 + sum(child.size for child in children)
        node.height = 1 + max((child.height for child in children), default=0)
        node.span = self._collection_span(closed, end)
        if closed.anchor:
            self._anchors[closed.anchor] = (closed.data, node)
        if not closed.is_key:
            self._add(closed.data, node)

    def _collection_span(self, closed: OpenCollection, end: int) -> Span:
        """Underline a block mapping's first key, a block list's first `-`, brackets whole."""
        begin = closed.node.span[0]
        if self.source.text[begin : begin + 1] in ("{", "["):
            return begin, end
        first = next(iter(closed.node.keys.values()), None)
        if isinstance(closed.data, dict) and first is not None and first[0] == begin:
            return first
        return begin, begin + 1

    def _add(self, data: Any, node: Node) -> None:
        """Put a whole value where it belongs."""
        if not self._stack:
            if not (isinstance(data, Plain) and data.is_empty):
                self._result = data, node
            return
        top = self._stack[-1]
        if isinstance(top.data, list):
            top.node.children[len(top.data)] = node
            top.data.append(data)
            return
        key = top.key
        assert key is not None  # the parser sends a key before each value
        top.key = None
        if key.text is None:
            return
        if key.text == "<<" and self.source.text[key.span[0]] == "<":
            top.merges.append((data, node))
        else:
            top.data[key.text] = data
            top.node.children[key.text] = node

    def _merge(self, target: OpenCollection) -> None:
        """Fill in what `<<` brings; a key of the mapping's own wins, then the earlier source."""
        if not target.merges:
            return
        data, node = target.merges[0]
        sources = [(data, node)]
        if isinstance(data, list):
            sources = [(item, node.children[place]) for place, item in enumerate(data)]
        own, own_node = target.data, target.node
        assert isinstance(own, dict)
        merged: dict[str, Any] = {}
        for item, item_node in sources:
            if not isinstance(item, dict):
                message = "`<<` takes a mapping, or a list of mappings, from a reference (`*name`)."
                self._note("yaml-merge", message, item_node.span)
                continue
            for key, value in item.items():
                if key in own or key in merged:
                    continue
                merged[key] = value
                child = item_node.children[key]
                self._count(child.size, own_node.keys["<<"])
                self._check_levels(len(self._stack) + 1 + child.height, own_node.keys["<<"])
                own_node.children[key] = child
                own_node.keys[key] = item_node.keys[key]
        del own_node.keys["<<"]
        # As if they had been written where a reader expects them: above the mapping's own keys.
        target.data = merged | own

    def _count(self, values: int, span: Span) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            message = (
                f"The file has more than {MAX_VALUES:,} values, including those that "
                "references (`*name`) repeat. Split it, or move data to another file."
            )
            self._note("yaml-limit", message, span)
            raise _Stop

    def _check_levels(self, levels: int, span: Span) -> None:
        if levels > MAX_LEVELS:
            message = f"This is nested more than {MAX_LEVELS} levels deep. Split the workflow."
            self._note("yaml-limit", message, span)
            raise _Stop

    def _note(self, code: str, message: str, span: Span) -> None:
        if len(self.problems) >= MOST_PROBLEMS:
            self.left_out += 1
            return
        self.problems.append(self.source.problem(self.source.location(span), code, message))

    def _note_mistake(self, mistake: Mistake) -> None:
        row, column = mistake.mark
        location = Location(self.source.file, row + 1, column + 1, mistake.length)
        problem = self.source.problem(location, mistake.code, mistake.message, fix=mistake.fix)
        self.problems.append(problem)
