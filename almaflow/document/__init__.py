"""YAML text → data, with the place of every key and value. The home of ruamel.yaml and libyaml.

The tree is built from the parser's events, in one loop: limits are kept while reading, and
nothing recurses with the file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from almaflow.document.directives import directive_problems
from almaflow.document.hazards import (
    deceptive_characters,
    hide_keys_in,
    key_problems,
    misread_paths,
    odd_spaces,
)
from almaflow.document.scalars import source_offsets
from almaflow.document.source import Node, SourceText, Span
from almaflow.errors import DocumentsInvalid
from almaflow.field_types import plain_value
from almaflow.late_patterns import late_pattern
from almaflow.problems import Location, Problem, Severity, at_most
from almaflow.text_files import MIB, FileUnreadable, UnreadableReason, decode, read_bytes

MAX_BYTES = MIB
"""The longest file that is read."""

PathTo = tuple[str | int, ...]
"""The keys and positions (from 0) that lead to a value."""


class Document(SourceText):
    """A YAML file's data together with the place of every key and value.

    *data* is made of dict (the keys are text), list, str and `Plain`. *findings* are problems that
    do not depend on what the file means; who reads the file shows them with its own.
    """

    def __init__(
        self, text: str, file: str, data: Any, root: Node, coded_keys: Sequence[Span] = ()
    ) -> None:
        super().__init__(text, file)
        self.data = data
        self.root = root
        self._located: tuple[Node, list[int] | None] | None = None
        keys = hide_keys_in(self)
        for span in coded_keys:
            self.hide(span)
        self.findings: Sequence[Problem] = at_most(
            (
                *key_problems(self, (*keys, *coded_keys)),
                *deceptive_characters(self),
                *odd_spaces(self),
                *misread_paths(self, root),
            )
        )

    def value(self, path: PathTo) -> Any:
        """Return the data at *path*; None when there is nothing."""
        data = self.data
        for key in path:
            if not isinstance(data, (dict, list)):
                return None
            try:
                data = data[key]  # type: ignore[index]
            except (LookupError, TypeError):
                return None
        return data

    def raw(self, path: PathTo) -> str:
        """Return the value at *path* as the file has it, with its quotes and escapes."""
        node = self._walk(self._as_written(path))[-1]
        return self.text[node.span[0] : node.span[1]]

    def location_of(self, path: PathTo) -> Location:
        """Return the place of the value at *path*, or of the nearest around it that exists.

        Like all that give places, it takes a value that is not a list for its first entry: a model
        may accept one entry in place of a list.
        """
        return self.location(self._walk(self._as_written(path))[-1].span)

    def key_location(self, path: PathTo) -> Location:
        """Return the place of the key of the value at *path*; in a list, of the value.

        Of what does not exist, the place of the nearest key around it.
        """
        path = self._as_written(path)
        nodes = self._walk(path)
        depth = len(nodes) - 1
        if depth and isinstance(path[depth - 1], str):
            return self.location(nodes[-2].keys[str(path[depth - 1])])
        return self.location(nodes[-1].span)

    def has(self, path: PathTo) -> bool:
        """Whether there is a value at *path*."""
        return len(self._walk(path)) == len(path) + 1

    def locate(self, path: PathTo, offset: int, length: int = 1) -> Location:
        """Return the place of a piece of the text at *path*.

        *offset* and *length* count characters of the value; quotes, escapes and folded lines of
        the file are accounted for. For what is not text, or too tangled, the place of the value.
        """
        path = self._as_written(path)
        node = self._walk(path)[-1]
        offsets = self._offsets(node)
        if offsets is None or not self.has(path):
            return self.location_of(path)
        first = min(max(0, offset), len(offsets) - 1)
        last = min(max(first, offset + length - 1), len(offsets) - 1)
        start = node.span[0]
        return self.location((start + offsets[first], start + offsets[last] + 1))

    def _offsets(self, node: Node) -> list[int] | None:
        """Return `source_offsets` of *node*; kept for its next mistake."""
        if self._located is None or self._located[0] is not node:
            source = self.text[node.span[0] : node.span[1]]
            offsets = source_offsets(source, node.style, node.value) if node.value else None
            self._located = node, offsets
        return self._located[1]

    def hide_value(self, path: PathTo) -> None:
        """Show the value at *path* as stars in every problem from now on."""
        self.hide(self._walk(path)[-1].span)

    def plain(self) -> Any:
        """Return the data as ordinary Python values."""
        return plain_value(self.data)

    def _as_written(self, path: PathTo) -> PathTo:
        """Return *path* without the first entries of what is not a list."""
        written: PathTo = ()
        for element in path:
            if (
                element != 0
                or self.has((*written, element))
                or isinstance(self.value(written), list)
            ):
                written = (*written, element)
        return written

    def _walk(self, path: PathTo) -> list[Node]:
        """Return the nodes from the root along *path*, as far as they exist."""
        nodes = [self.root]
        for element in path:
            child = nodes[-1].children.get(element)
            if child is None:
                break
            nodes.append(child)
        return nodes


def read_document(path: Path, shown_as: str | None = None, *, is_data: bool = False) -> Document:
    """Read the YAML file at *path*, which problems call *shown_as*.

    What *is_data*, such as a scenario, may be UTF-16; what is kept in git is UTF-8.

    Raises:
        DocumentsInvalid: it cannot be read, or is not YAML as we take it.
    """
    file = shown_as or str(path)
    try:
        content = read_bytes(path, MAX_BYTES)
        is_utf_16 = is_data and content.startswith(_UTF_16_MARKS)
        text = decode(content) if is_utf_16 else content
    except FileUnreadable as error:
        if error.kind is UnreadableReason.TOO_LARGE:
            _refuse_too_large(file)
        _refuse(SourceText("", file), (0, 1), "unreadable", f"The file cannot be read: {error}.")
    return parse_document(text, file)


def parse_document(text: bytes | str, file: str) -> Document:
    """Turn YAML *text* of the file called *file* into a document.

    Raises:
        DocumentsInvalid: of the syntax errors the first, of doubled keys, tags and the like all.
    """
    # A parser takes 20 ms to import, which only who reads a file should pay.
    from almaflow.document.tree import TreeBuilder

    source = SourceText(_decoded(text, file), file)
    keys = hide_keys_in(source)
    # Most files need no pattern for that: Python takes fewer characters for printable than YAML.
    is_printable = source.text.replace("\n", "").isprintable()
    bad = None if is_printable else _NOT_PRINTABLE.search(source.text)
    if bad is not None:
        _refuse_character(source, bad)
    directives = directive_problems(source)
    if directives:
        raise DocumentsInvalid(at_most((*directives, *key_problems(source, keys))))
    builder = TreeBuilder(source)
    data, root = builder.build()
    if root is None and not builder.problems:
        message = "The file is empty. Write at least one `key: value` line."
        _refuse(source, (0, 1), "empty-file", message)
    if root is not None and isinstance(data, str) and root.style is None:
        from almaflow.document.mistakes import key_without_blank, missing_blank

        key = key_without_blank(data)
        if key is not None:
            span = (root.span[0], root.span[0] + key.end())
            _refuse(
                source, span, "yaml-missing-blank", missing_blank(key.group(1), data[key.end() :])
            )
    if root is None or builder.problems:
        spaces, found = list(odd_spaces(source)), builder.problems
        if spaces and root is None:
            # From the first of them on, YAML has read something else.
            first = spaces[0].location.line
            found = [one for one in found if one.location.line < first]
            spaces = [replace(one, severity=Severity.ERROR) for one in spaces]
        problems = (*found, *key_problems(source, keys), *spaces)
        raise DocumentsInvalid(at_most(problems, builder.left_out))
    return Document(source.text, file, data, root, builder.coded_keys)


_UTF_32_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# A byte order mark, or Latin letters with a NUL on the same side of each.
_UTF_16 = late_pattern(rb"\xff\xfe|\xfe\xff|[^\0]\0[^\0]\0|\0[^\0]\0[^\0]", re.DOTALL)
# YAML 1.2, "Character set": these must be written as an escape. They are the few that it does not
# list as printable; a pattern of all the others takes eight times as long to compile.
_NOT_PRINTABLE = late_pattern(
    "[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
)


def _refuse(source: SourceText, span: Span, code: str, message: str) -> NoReturn:
    raise DocumentsInvalid([source.problem(source.location(span), code, message)])


def _decoded(text: bytes | str, file: str) -> str:
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(content) > MAX_BYTES:
        _refuse_too_large(file)
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    if _UTF_16.match(content):
        name = "UTF-32" if content.startswith(_UTF_32_MARKS) else "UTF-16"
        message = f"The file is {name}. Save it as UTF-8 (in the editor: encoding “UTF-8”)."
        _refuse(SourceText("", file), (0, 1), "not-utf-8", message)
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8").removeprefix("\ufeff")
        if b"\0" in content:
            _refuse_binary(SourceText(before, file), len(before))
        # The rest of the line is shown with replacement characters.
        rest = content[error.start :].decode("utf-8", "replace")
        source = SourceText(
            before + _NOT_PRINTABLE.sub("\ufffd", re.split(r"[\r\n]", rest)[0]), file
        )
        message = (
            f"Byte 0x{content[error.start]:02x} at position {error.start} is not UTF-8. Save "
            "the file as UTF-8 (in the editor: encoding “UTF-8”)."
        )
        _refuse(source, (len(before), len(before) + 1), "not-utf-8", message)


def _refuse_too_large(file: str) -> NoReturn:
    message = "The file is larger than 1 MiB. Split the workflow, or move data to another file."
    _refuse(SourceText("", file), (0, 1), "yaml-limit", message)


def _refuse_character(source: SourceText, bad: re.Match[str]) -> NoReturn:
    if bad.group() == "\0":
        _refuse_binary(source, bad.start())
    location = source.location(bad.span())
    printable_source = SourceText(_NOT_PRINTABLE.sub("\ufffd", source.text), source.file)
    message = (
        f"The character U+{ord(bad.group()):04X} is not allowed in YAML. Remove it, or write "
        "it as an escape in double quotes."
    )
    raise DocumentsInvalid([printable_source.problem(location, "control-character", message)])


def _refuse_binary(source: SourceText, index: int) -> NoReturn:
    location = source.location((index, index + 1))
    message = "The file is binary (it contains a NUL byte), not YAML text."
    raise DocumentsInvalid([Problem(location, "binary-file", message)])
