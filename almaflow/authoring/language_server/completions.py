"""What may come next at a cursor: keys, values, names of steps and outputs, known jobs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from zoneinfo import available_timezones

from pydantic.fields import FieldInfo

from almaflow.authoring.language_server.cursor import Cursor
from almaflow.explain.words import output_words, type_of_field
from almaflow.expressions.filters import FILTERS
from almaflow.field_types import Condition, Expression
from almaflow.json_schema import first_paragraph
from almaflow.late_dataclasses import dataclass
from almaflow.model_fields import ModelPlace, alternatives, models_of, place_of, words_of
from almaflow.settings import Project
from almaflow.snapshot.files import snapshot_in
from almaflow.steps.base import Kind
from almaflow.steps.common_outputs import COMMON_OUTPUTS
from almaflow.steps.tree import StepNode, walk
from almaflow.workflow import Workflow, kinds

MOST = 300
"""The largest number of suggestions; an editor asks again when more is typed."""

_RUN = ("id", "name", "key", "attempt", "started_at", "scheduled_at", "outcome", "error")
_NAMES = ("steps", "inputs", "vars", "run", "now", "today", "secrets")
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "payload": (".xml", ".json"),
    "file": (".csv", ".txt", ".tsv"),
    "workflow": (".yaml", ".yml"),
    "call": (".yaml", ".yml"),
}


class SuggestionKind(StrEnum):
    """What a suggestion is."""

    KEY = "key"
    STEP = "step"
    VALUE = "value"
    NAME = "name"
    FILE = "file"


@dataclass(frozen=True)
class Suggestion:
    """Something that may come next. *text* is what is inserted in place of *replaced*."""

    label: str
    kind: SuggestionKind
    text: str
    detail: str = ""
    about: str = ""
    replaced: str = ""
    """What is typed already, in front of the cursor."""


@dataclass(frozen=True)
class Surroundings:
    """What is known besides the cursor: the last workflow that fitted, its project and folder."""

    workflow: Workflow | None
    project: Project
    folder: Path


def suggestions(cursor: Cursor, around: Surroundings) -> list[Suggestion]:
    """Return what may come next, the likeliest first."""
    place = place_of(Workflow, cursor.path)
    if cursor.expression is not None:
        return _fitting(_of_expression(cursor.expression, around.workflow))
    if cursor.is_key:
        return _fitting(_keys(place.keys, cursor.typed))
    field = _short_field(place) or place.field
    if field is not None and any(one in (Condition, Expression) for one in alternatives(field)):
        return _fitting(_of_expression(cursor.typed, around.workflow))
    return _fitting(_values(cursor, field, around))


def _short_field(place: ModelPlace) -> FieldInfo | None:
    """Return the field that a value in place of a mapping is: `check: …` is its `that`."""
    shorts = (getattr(model, "short", None) for model in place.models)
    return next((place.keys[name] for name in shorts if name in place.keys), None)


def _fitting(found: Iterable[Suggestion]) -> list[Suggestion]:
    """Keep what contains the typed letters; what begins with them comes first."""
    chosen = [one for one in found if one.replaced.casefold() in one.label.casefold()]
    chosen.sort(key=lambda one: not one.label.casefold().startswith(one.replaced.casefold()))
    return chosen[:MOST]


def _keys(fields: Mapping[str, FieldInfo], typed: str) -> Iterator[Suggestion]:
    of_steps = kinds() if kinds().keys() <= fields.keys() else {}
    for key, kind in of_steps.items():
        about = f"{first_paragraph(kind)}\n\n```yaml\n{kind.example.rstrip()}\n```"
        yield Suggestion(key, SuggestionKind.STEP, _beginning(key, kind), "step", about, typed)
    for key, field in fields.items():
        if key not in of_steps:
            text = f"{key}:" if models_of(field) else f"{key}: "
            about = " ".join((field.description or "").split())
            yield Suggestion(key, SuggestionKind.KEY, text, type_of_field(field), about, typed)


def _beginning(key: str, kind: type[Kind]) -> str:
    """Return the first lines of a step: its key, and those of its fields that are required."""
    fields = kind.model_fields.items()
    required = [field.alias or name for name, field in fields if field.is_required()]
    if kind.short and required in ([], [kind.short]):
        return f"{key}: "
    return "\n".join([f"{key}:", *(f"    {name}: " for name in required)])


def _values(cursor: Cursor, field: FieldInfo | None, around: Surroundings) -> Iterator[Suggestion]:
    key = next((str(one) for one in reversed(cursor.path) if one != 0), "")
    for value, about in (*_of_models(field), *_of_project(key, cursor, around)):
        yield Suggestion(value, SuggestionKind.VALUE, value, about, "", cursor.typed)
    if suffixes := _SUFFIXES.get(key):
        for name in _files(around.folder, suffixes):
            yield Suggestion(name, SuggestionKind.FILE, name, "", "", cursor.typed)


def _of_models(field: FieldInfo | None) -> Iterator[tuple[str, str]]:
    if field is None:
        return
    yield from ((word, "") for word in words_of(field))
    if bool in list(alternatives(field)):
        yield from (("true", ""), ("false", ""))


def _of_project(key: str, cursor: Cursor, around: Surroundings) -> Iterator[tuple[str, str]]:
    settings = around.project.settings
    names: Mapping[str, Iterable[str]] = {
        "institution": settings.institutions,
        "to": (*settings.channels, "log"),
        "ping": settings.pings,
        "except": settings.calendars,
        "connection": settings.connections,
    }
    yield from ((name, "almaflow.yaml") for name in names.get(key, ()))
    if key == "timezone":
        yield from ((zone, "") for zone in sorted(available_timezones()))
    if "job" in cursor.path and key in ("job", "id", "name"):
        yield from _jobs(around.project, by_name=key == "name")


def _jobs(project: Project, *, by_name: bool) -> Iterator[tuple[str, str]]:
    snapshot = snapshot_in(project.folder)
    for section in snapshot.sections.values() if snapshot is not None else ():
        for job in section.jobs:
            yield (job.name, job.id) if by_name else (job.id, job.name)


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Return the files of *folder* and the folders in it, relative, that a step may name."""
    found = []
    for place, folders, names in os.walk(folder):
        here = Path(place).relative_to(folder)
        folders[:] = (
            sorted(one for one in folders if not one.startswith(".")) if not here.parts else []
        )
        found += [(here / name).as_posix() for name in sorted(names) if name.endswith(suffixes)]
    return found[:MOST]


def _of_expression(typed: str, workflow: Workflow | None) -> Iterator[Suggestion]:
    """Yield what may come next in an expression of which *typed* is the beginning."""
    match = re.search(r"([\w.]*)$", typed)
    word = match[1] if match else ""
    owner, _, last = word.rpartition(".")
    before = typed[: len(typed) - len(word)].rstrip()
    if not owner and before.endswith("|"):
        for name, one in FILTERS.items():
            yield Suggestion(name, SuggestionKind.NAME, name, "filter", one.help or "", last)
        return
    for name, detail in _members(owner, workflow):
        yield Suggestion(name, SuggestionKind.NAME, name, detail, "", last)


def _members(owner: str, workflow: Workflow | None) -> Iterator[tuple[str, str]]:
    """Yield the names that follow `owner.`, each with what it is; without owner, all names."""
    steps = [] if workflow is None else [*workflow.steps, *(workflow.finally_ or ())]
    nodes = {node.step.id: node for node in walk(steps) if node.step.id}
    if not owner:
        yield from ((name, "") for name in _NAMES)
        yield from (("counters", "in `expect`"), ("status", "in `expect`"))
    elif owner == "steps":
        yield from ((name, node.step.kind.key) for name, node in nodes.items())
    elif owner == "run":
        yield from ((name, "") for name in _RUN)
    elif owner in ("inputs", "vars") and workflow is not None:
        declared = workflow.inputs if owner == "inputs" else workflow.vars
        yield from ((name, owner) for name in declared or ())
    elif owner.startswith("steps.") and owner.count(".") == 1:
        yield from _outputs(nodes.get(owner.removeprefix("steps.")))


def _outputs(node: StepNode | None) -> Iterator[tuple[str, str]]:
    if node is not None:
        outputs = {**type(node.step.kind).outputs, **COMMON_OUTPUTS}
        yield from ((name, output_words(type_)) for name, type_ in outputs.items())
