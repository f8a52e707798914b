"""What the word under a cursor means, and where it is declared."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from almaflow.authoring.language_server.cursor import cursor_at
from almaflow.errors import RequestWrong
from almaflow.explain import explain
from almaflow.late_dataclasses import dataclass
from almaflow.settings import Project
from almaflow.snapshot.files import snapshot_in
from almaflow.workflow import kinds

_DECLARED = re.compile(r"\b(steps|inputs|vars)\.([A-Za-z_]\w*)")
_FILE_KEYS = ("payload", "file", "workflow", "call", "attach")
_JOB = re.compile(r"\bM\d+\b")


@dataclass(frozen=True)
class Declaration:
    """Where something is declared: *line* and *column* count from 0."""

    file: Path
    line: int
    column: int
    length: int


def meaning_at(text: str, line: int, column: int, project: Project) -> str:
    """Return what is under the cursor, as Markdown; empty when there is nothing to say."""
    here = _line(text, line)
    for match in _JOB.finditer(here):
        if match.start() <= column <= match.end() and (name := _job_name(match[0], project)):
            return f"**{match[0]}**: {name}"
    end = next((place for place in range(column, len(here)) if here[place] in ":{}"), len(here))
    cursor = cursor_at(text, line, min(end + 1, len(here)))
    for topic in _topics([str(one) for one in cursor.path if one != 0]):
        try:
            return f"```text\n{explain(topic).rstrip()}\n```"
        except RequestWrong:
            continue
    return ""


def _topics(path: Sequence[str]) -> Iterator[str]:
    """Yield the topics of `explain` that a path may be, the narrowest first."""
    known = kinds()
    begin = next((n for n in reversed(range(len(path))) if path[n] in known), None)
    inner = path if begin is None else path[begin:]
    for end in range(len(inner), 0, -1):
        yield ".".join(inner[:end])
        yield f"step.{'.'.join(inner[:end])}"


def _job_name(job_id: str, project: Project) -> str:
    snapshot = snapshot_in(project.folder)
    for section in snapshot.sections.values() if snapshot is not None else ():
        if job := section.job_lookup.by_id.get(job_id):
            return job.name
    return ""


def declaration_of(text: str, line: int, column: int, file: Path) -> Declaration | None:
    """Return where the step, input, variable or file under the cursor is declared."""
    here = _line(text, line)
    for match in _DECLARED.finditer(here):
        if match.start() <= column <= match.end():
            return _declared(text, match[1], match[2], file)
    cursor = cursor_at(text, line, len(here))
    key = next((str(one) for one in reversed(cursor.path) if one != 0), "")
    if key in _FILE_KEYS:
        return _named_file(cursor.typed.strip("\"'} "), file.parent)
    return None


def _declared(text: str, scope: str, name: str, file: Path) -> Declaration | None:
    """Search the text, which need not be whole YAML, for the line that declares a name."""
    if scope == "steps":
        pattern = re.compile(rf"""(?:^|[\s{{,-])id:\s*["']?({name})\b""")
    else:
        pattern = re.compile(rf"""^\s+["']?({name})["']?\s*:""")
    inside = scope == "steps"
    for number, line in enumerate(text.split("\n")):
        if scope != "steps" and re.match(r"\S", line):
            inside = line.startswith(f"{scope}:")
            if inside and (match := re.search(rf"[{{,]\s*({name})\s*:", line)):
                return Declaration(file, number, match.start(1), len(name))
        elif inside and (match := pattern.search(line)):
            return Declaration(file, number, match.start(1), len(name))
    return None


def _named_file(name: str, folder: Path) -> Declaration | None:
    for one in (name, f"{name}.yaml"):
        if name and os.path.isfile(folder / one):
            return Declaration(folder / one, 0, 0, 0)
    return None


def _line(text: str, line: int) -> str:
    lines = text.split("\n")
    return lines[line].rstrip("\r") if line < len(lines) else ""
