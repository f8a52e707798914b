"""What a refusal in a simulation says: that it is simulated, and what to write where.

The simulator sends a line of a scenario with its refusals. Here that line is put into words that
say where it goes in the scenario file there is, which may have the line's key already.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from almaflow.alma.errors import NotInAlma
from almaflow.alma.simulator import advice
from almaflow.alma.simulator.hints import flow, in_ascii, inside
from almaflow.alma.value_parsing import printable
from almaflow.document import Document, PathTo, parse_document
from almaflow.errors import DocumentsInvalid
from almaflow.late_dataclasses import dataclass

if TYPE_CHECKING:
    from almaflow.alma.simulator import SimulatedAlma
    from almaflow.alma.simulator.institution import Institution

SIMULATED = "The response is simulated."


@dataclass
class ScenarioHelp:
    """Says how the scenario of one simulation would have to change.

    *document* is the scenario as it was read; None: there is none yet, *path* is where it could
    be, and the simulation lets everything exist.
    """

    alma: SimulatedAlma
    path: Path | None
    document: Document | None

    def sentence(self, line: str) -> str:
        """Return what to do so that a refusal with the hint *line* does not come."""
        where = self._where(line) if line else ""
        return f"{SIMULATED} {where}".strip()

    def missing(self, institution: str, error: NotInAlma, line: str) -> str:
        """Return what to do so that Alma has what *error* says it has not.

        *line* is the hint of Alma's last answer, for what has no name.
        """
        if error.name and not error.found:
            line = _line_for(self.alma.institution(institution), error)
        return self.sentence(line)

    def _where(self, line: str) -> str:
        try:
            data = parse_document(line, "hint").plain()
        except DocumentsInvalid:
            return ""
        line = inside(data, _quoted)
        if self.document is None:
            beside = f"the new file {self.path}" if self.path else "a scenario"
            return (
                f"To change it, write `everything_exists: true` and this line in {beside}: {line}"
            )
        return f"To change it, {_placed(self.document, data)}"


def _line_for(institution: Institution, error: NotInAlma) -> str:
    if error.noun == "set":
        return advice.set_named(institution, error.name)
    if error.noun == "profile":
        return advice.profile_named(institution, error.name)
    return advice.job_of_profile(institution, error.name) or advice.job_named(
        institution, error.name
    )


def _placed(document: Document, data: dict[str, Any]) -> str:
    """Return where in the scenario the only entry of *data* goes, and what to write there."""
    path: PathTo = ()
    entry: Any = data
    while isinstance(entry, dict):
        ((key, inner),) = entry.items()
        if document.value((*path, key)) in (None, [], {}) or _is_nothing(document, (*path, key)):
            return _as_key(document, path, key, inside(entry, _quoted))
        path, entry = (*path, key), inner
    return _as_entry(document, path, entry)


def _is_nothing(document: Document, path: PathTo) -> bool:
    value = document.value(path)
    return bool(getattr(value, "is_empty", False))


def _as_key(document: Document, path: PathTo, key: str, line: str) -> str:
    """Say where a new key goes: in a mapping at *path*, or in place of the same key, empty."""
    file = document.file
    if document.has((*path, key)):
        number = document.key_location((*path, key)).line
        return f"write in line {number} of {file}, in place of `{key}`: {line}"
    if not path and not _in_brackets(document, path):
        return f"add this line to {file}: {line}"
    if _in_brackets(document, path):
        return f"{_after_bracket(document, path)}: {line},"
    number = document.key_location(path).line
    return (
        f"insert below line {number} of {file}, indented like the other keys of `{path[-1]}`: "
        f"{line}"
    )


def _as_entry(document: Document, path: PathTo, entries: list[Any]) -> str:
    """Say where new entries of the list at *path* go."""
    file, name = document.file, path[-1]
    if _in_brackets(document, path):
        line = ", ".join(flow(entry, _quoted) for entry in entries)
        return f"{_after_bracket(document, path)}: {line},"
    line = flow(entries[0], _quoted)
    number = document.key_location(path).line
    return (
        f"insert below line {number} of {file}, indented like the other entries of `{name}`: "
        f"- {line}"
    )


def _after_bracket(document: Document, path: PathTo) -> str:
    """Say that something goes behind the bracket that opens the value at *path*."""
    place = document.location_of(path)
    line = document.lines[place.line - 1]
    key = document.key_location(path) if path else place
    start = key.column if key.line == place.line else place.column
    opening = line[start - 1 : place.column]
    return f"insert after `{opening}` in line {place.line} of {document.file}"


def _in_brackets(document: Document, path: PathTo) -> bool:
    """Tell whether the value at *path* is written in YAML's flow style."""
    place = document.location_of(path)
    return document.lines[place.line - 1][place.column - 1 :].startswith(("{", "["))


def _quoted(text: str) -> str:
    """Return *text* in double quotes, readable where YAML and people can read it."""
    plain = '"' not in text and "\\" not in text and printable(text) == text and text.isprintable()
    return f'"{text}"' if plain else in_ascii(text)
