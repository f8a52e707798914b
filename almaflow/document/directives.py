"""The lines that begin with `%` above a document: only `%YAML 1.2` is allowed, and needless.

They are read before the parser is asked, which knows fewer versions than there are and ignores
directives that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from almaflow.document.source import SourceText
from almaflow.problems import Location, Problem

_ALLOWED = re.compile(r"%YAML[ ]+1\.2[ ]*(?:(?<=[ ])#.*)?", re.ASCII)
_NOTHING = re.compile(r"[ \t]*(?:#.*)?")
# A name longer than this (characters) cannot be read in the middle of a sentence.
_SHOWN = 30


def directive_problems(source: SourceText) -> list[Problem]:
    """Return a problem for every directive of *source* that is not `%YAML 1.2`."""
    return [
        source.problem(Location(source.file, row + 1, 1, len(line)), *_refusal(line))
        for row, line in _directives(source)
        if not _ALLOWED.fullmatch(line)
    ]


def _directives(source: SourceText) -> Iterator[tuple[int, str]]:
    """Yield the number (from 0) and the text of each line that YAML reads as a directive."""
    above_document = True
    for row, line in enumerate(source.lines):
        if line.startswith("..."):
            above_document = True
        elif above_document and line.startswith("%"):
            yield row, line
        elif not _NOTHING.fullmatch(line):
            above_document = False


def _refusal(line: str) -> tuple[str, str]:
    """Return code and message for the directive in *line*."""
    name = line.split(maxsplit=1)[0][:_SHOWN]
    if name == "%YAML":
        return "yaml-version", "Workflow files are YAML 1.2. Delete the `%YAML` line."
    if name == "%TAG":
        return "yaml-tag", "Tags are not allowed. Delete the `%TAG` line."
    message = (
        f"A line that begins with `{name}` is a YAML directive, and almaflow allows only "
        "`%YAML 1.2`. Delete the line. If it is text, indent it or put it in quotes."
    )
    return "yaml-directive", message
