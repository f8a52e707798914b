"""A snapshot as the text of its file, and back.

One entry a line, everything sorted, empty values left out: a change in Alma is a small diff.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from datetime import date
from typing import Any, TypeVar

from almaflow import __version__
from almaflow.late_dataclasses import built
from almaflow.snapshot.model import (
    PARTS,
    CounterEntry,
    JobEntry,
    ProfileEntry,
    Section,
    Snapshot,
    StatusEntry,
)
from almaflow.visible import one_line, visible

T = TypeVar("T")

FORMAT = 1
"""The version of the file's format that is written, and the newest one that is read."""

_ABOUT = (
    "Written by `almaflow snapshot`: what Alma has, so that checks know it without a network. "
    "Commit it; do not edit it."
)
_TABLES = ("statuses", "contents", "categories")
_CONFLICT = re.compile(r"(<{7}|={7}|>{7})( |$)")

# Characters of one text of the file; names in Alma have 255 at most.
_LONGEST = 2_000


class SnapshotInvalid(ValueError):
    """The text of a file is not a snapshot; *reason* is a sentence with the next move."""

    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


# --- writing --------------------------------------------------------------------------------------


def snapshot_text(snapshot: Snapshot) -> str:
    """Return the text of the file of *snapshot*."""
    sections = {name: _section_data(section) for name, section in sorted(snapshot.sections.items())}
    data = {"about": _ABOUT, "format": FORMAT, "almaflow": __version__, "institutions": sections}
    return "\n".join(_lines(data, "")) + "\n"


def _lines(data: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield a mapping, its lists and mappings with one entry a line."""
    yield "{"
    entries = list(data.items())
    for place, (key, value) in enumerate(entries):
        comma = "," if place < len(entries) - 1 else ""
        head = f"{indent}  {_compact(key)}: "
        if isinstance(value, dict) and value:
            first, *rest = _lines(value, indent + "  ")
            yield head + first
            yield from rest[:-1]
            yield rest[-1] + comma
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield head + "["
            for number, entry in enumerate(value):
                yield f"{indent}    {_compact(entry)}{',' if number < len(value) - 1 else ''}"
            yield f"{indent}  ]{comma}"
        else:
            yield f"{head}{_compact(value)}{comma}"
    yield indent + "}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _section_data(section: Section) -> dict[str, Any]:
    data: dict[str, Any] = {"taken": section.taken.isoformat()}
    if section.simulated:
        data["simulated"] = True
    data |= {"code": _text(section.code), "environment": _text(section.environment)}
    if section.missing:
        data["missing"] = sorted(section.missing)
    data["jobs"] = [_entry(one) for one in sorted(section.jobs, key=lambda job: _by_id(job.id))]
    for kind in ("integration", "import"):
        named = sorted(section.profile_lookup.of_kind(kind), key=lambda one: _by_id(one.id))
        data[f"{kind}_profiles"] = [_entry(one, leave="kind") for one in named]
    counters = sorted(section.counters, key=lambda one: (_by_id(one.job), one.key))
    data["counters_seen"] = [_entry(one) for one in counters]
    seen = sorted(section.statuses_seen, key=lambda one: (_by_id(one.job), one.status))
    data["statuses_seen"] = [_entry(one) for one in seen]
    for table in _TABLES:
        data[table] = dict(sorted(_table(getattr(section, table)).items()))
    return data


def _by_id(id: str) -> tuple[str, int, str]:
    """Return what ids are sorted by: M9 before M44, and numbers that are no ids last."""
    digits = id[1:] if id[:1].isalpha() else id
    return id[:1], len(digits), digits


def _entry(one: Any, leave: str = "") -> dict[str, Any]:
    """Return an entry without its empty values."""
    values = {field.name: getattr(one, field.name) for field in fields(built(type(one)))}
    return {
        name: list(_texts(list(value))) if isinstance(value, tuple) else _text(value)
        for name, value in values.items()
        if value and name != leave
    }


# --- reading --------------------------------------------------------------------------------------


def read_snapshot_text(text: str) -> Snapshot:
    """Return the snapshot in *text*. What is odd in single entries is left out.

    Raises:
        SnapshotInvalid: it is not a snapshot, or a newer almaflow wrote it.
    """
    _check_conflicts(text)
    data = _parsed(text)
    if not isinstance(data, dict) or "institutions" not in data:
        raise SnapshotInvalid(f"It is not a snapshot that almaflow wrote. {_AGAIN}")
    version = data.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise SnapshotInvalid(f"It does not say which `format` it has. {_AGAIN}")
    if version > FORMAT:
        writer = one_line(str(data.get("almaflow") or "a newer version"))
        raise SnapshotInvalid(
            f"almaflow {writer} wrote it in format {version}, and this almaflow ({__version__}) "
            f"reads formats up to {FORMAT}. Update almaflow on this machine."
        )
    sections = data["institutions"]
    if not isinstance(sections, dict):
        raise SnapshotInvalid(f"Its `institutions` are not a mapping. {_AGAIN}")
    read = {one_line(name): _section(one_line(name), one) for name, one in sections.items()}
    return Snapshot(read)


_AGAIN = "Run `almaflow snapshot` to write it again."


def _check_conflicts(text: str) -> None:
    """Raise `SnapshotInvalid` when git left its marks of a merge that was not finished."""
    lines = text.split("\n")
    marked = [number for number, line in enumerate(lines, 1) if _CONFLICT.match(line)]
    if any(lines[number - 1].startswith("<" * 7) for number in marked):
        raise SnapshotInvalid(
            "git left the marks of a merge conflict in it. Take either version (`git checkout "
            "--ours alma-catalog.json`), then run `almaflow snapshot`.",
            marked[0],
        )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SnapshotInvalid(
            f"It is not valid JSON ({error.msg}). Restore it from git, or remove it and run "
            "`almaflow snapshot`.",
            error.lineno,
            error.colno,
        ) from None
    except (RecursionError, ValueError):
        # Brackets in thousands, or a number of thousands of digits.
        raise SnapshotInvalid(f"It is not a snapshot that almaflow wrote. {_AGAIN}") from None


def _section(name: str, data: Any) -> Section:
    if not isinstance(data, dict):
        raise SnapshotInvalid(f"Its entry `{name}` is not a mapping. {_AGAIN}")
    try:
        taken = date.fromisoformat(str(data.get("taken")))
    except ValueError:
        raise SnapshotInvalid(
            f"Its entry `{name}` does not say on which day it was `taken`. {_AGAIN}"
        ) from None
    return Section(
        institution=name,
        taken=taken,
        code=_text(data.get("code")),
        environment=_text(data.get("environment")),
        simulated=data.get("simulated") is True,
        missing=tuple(one for one in _texts(data.get("missing")) if one in PARTS),
        jobs=_entries(data, "jobs", JobEntry, ("id",)),
        profiles=(
            *_entries(data, "integration_profiles", ProfileEntry, ("id",), kind="integration"),
            *_entries(data, "import_profiles", ProfileEntry, ("id",), kind="import"),
        ),
        counters=_entries(data, "counters_seen", CounterEntry, ("job", "key")),
        statuses_seen=_entries(data, "statuses_seen", StatusEntry, ("job", "status")),
        **{table: _table(data.get(table)) for table in _TABLES},
    )


def _entries(
    data: Mapping[str, Any], key: str, kind_of_entry: type[T], needed: Collection[str], **known: str
) -> tuple[T, ...]:
    """Return the entries of a list that have what is *needed*; *known* are values of all."""
    listed = data.get(key)
    read = (
        {**_fields(kind_of_entry, one), **known}
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
    )
    return tuple(kind_of_entry(**one) for one in read if all(one[name] for name in needed))


def _fields(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        field.name: (_texts if field.default == () else _text)(data.get(field.name))
        for field in fields(built(kind))
    }


def _table(data: Any) -> dict[str, str]:
    if not isinstance(data, Mapping):
        return {}
    return {_text(code): _text(label) for code, label in data.items() if _text(code)}


def _text(value: Any) -> str:
    # Names are compared with those of workflows, so their spaces stay.
    if not isinstance(value, str):
        return ""
    return visible(value[:_LONGEST]).replace("\n", " ").replace("\t", " ")[:_LONGEST]


def _texts(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else []
    return tuple(text for text in map(_text, listed) if text)
