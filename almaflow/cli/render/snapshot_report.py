"""What `almaflow snapshot` and `snapshot --check` print: lines for people, data for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from almaflow.authoring.snapshots.drift import changes_between
from almaflow.authoring.snapshots.reading import Reading
from almaflow.authoring.snapshots.renewal import is_of_another
from almaflow.authoring.snapshots.used_steps import UsedStep
from almaflow.cli.render.text_layout import many
from almaflow.json_data import as_data
from almaflow.late_dataclasses import dataclass
from almaflow.snapshot.model import (
    CATEGORIES,
    CONTENTS,
    IMPORT_PROFILES,
    INTEGRATION_PROFILES,
    JOBS,
    STATUSES,
    Section,
    Snapshot,
)

_WORDS = {
    JOBS: "jobs",
    INTEGRATION_PROFILES: "integration profiles",
    IMPORT_PROFILES: "import profiles",
    STATUSES: "status codes",
    CONTENTS: "contents of sets",
    CATEGORIES: "categories of jobs",
    "general": "its own code and environment",
}


@dataclass
class TakenSnapshot:
    """What was read for the *file*, by institution, and why some could not be read."""

    file: str
    readings: dict[str, Reading] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    is_written: bool = False


def report_data(taken: TakenSnapshot, sections: Mapping[str, Section]) -> dict[str, Any]:
    """Return the document of `snapshot --json`."""
    return {
        "file": taken.file,
        "written": taken.is_written,
        "institutions": [
            {
                "institution": name,
                "code": sections[name].code,
                "environment": sections[name].environment,
                "taken": sections[name].taken.isoformat(),
                "jobs": len(sections[name].jobs),
                "profiles": len(sections[name].profiles),
                "counters": len(sections[name].counters),
                "jobs_without_details": reading.not_detailed,
                "requests": reading.requests,
                "missing": dict(sorted(reading.refused.items())),
            }
            for name, reading in taken.readings.items()
        ],
        "failed": dict(taken.failures),
    }


def report_lines(taken: TakenSnapshot, sections: Mapping[str, Section]) -> Iterator[str]:
    """Yield what was read and written, as sentences."""
    for name, reading in taken.readings.items():
        section = sections[name]
        yield (
            f"{name}: {many(len(section.jobs), 'job')}, "
            f"{many(len(section.profiles), 'profile')}, "
            f"{many(len(section.counters), 'counter')} seen; "
            f"{many(reading.requests, 'request')}."
        )
        for part, why in sorted(reading.refused.items()):
            yield f"  Not read: {_WORDS.get(part, part)}. {why}"
        if reading.refused:
            yield "  What an earlier snapshot had of this was kept."
        if reading.not_detailed:
            yield (
                f"  Of {many(reading.not_detailed, 'job')} it is not known which sets they work "
                "on. Run the command again, or allow more with `--requests`."
            )
    for name, why in taken.failures.items():
        yield f"{name}: nothing was read, and its part of the file was not changed. {why}"
    simulated = any(sections[name].simulated for name in taken.readings)
    if taken.is_written and simulated:
        yield (
            f"Wrote {taken.file}. It describes the simulated Alma: good for trying `almaflow "
            "validate`. With an API key, `almaflow snapshot` replaces it."
        )
    elif taken.is_written:
        yield f"Wrote {taken.file}. Commit it, so that `almaflow validate` knows what Alma has."
    elif taken.readings:
        yield f"Nothing has changed since {taken.file} was written."


def check_data(
    taken: TakenSnapshot, earlier: Snapshot, steps: Mapping[str, Sequence[UsedStep]]
) -> dict[str, Any]:
    """Return the document of `snapshot --check --json`; *ok*: nothing that is used has changed."""
    institutions = []
    ok = not taken.failures
    for name, reading in taken.readings.items():
        old, new = earlier.sections[name], reading.section
        other = _other_institution(old, new)
        changes = [] if other else changes_between(old, new, steps.get(name, ()))
        ok = ok and not other and not any(one.used for one in changes)
        institutions.append(
            {
                "institution": name,
                "taken": old.taken.isoformat(),
                "requests": reading.requests,
                "other_institution": other,
                "changes": as_data(changes),
                "missing": dict(sorted(reading.refused.items())),
            }
        )
    return {
        "ok": ok,
        "file": taken.file,
        "institutions": institutions,
        "failed": dict(taken.failures),
    }


def _other_institution(old: Section, new: Section) -> str:
    """Return, as a sentence, that the file is of another institution than Alma; else nothing."""
    if old.simulated == new.simulated and not is_of_another(new, old):
        return ""
    there = " ".join(filter(None, (old.code, old.environment, "(simulated)" * old.simulated)))
    here = " ".join(filter(None, (new.code, new.environment, "(simulated)" * new.simulated)))
    return (
        f"The file describes {there}, but Alma is {here}, so they were not compared. Run "
        f"`almaflow snapshot --institution {old.institution}`."
    )


def check_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the changes as sentences, those that workflows use first."""
    for one in data["institutions"]:
        yield from _lines_of(one)
    for name, why in data["failed"].items():
        yield f"{name}: it could not be compared. {why}"
    changes = [change for one in data["institutions"] for change in one["changes"]]
    used = sum(bool(change["used"]) for change in changes)
    if not changes:
        if data["ok"]:
            yield f"Nothing has changed in Alma since {data['file']} was written."
        return
    yield (
        f"{many(len(changes), 'change')}, {used or 'none'} of them in what the workflows use. "
        "`almaflow snapshot` renews the file."
    )


def _lines_of(one: Mapping[str, Any]) -> Iterator[str]:
    name = one["institution"]
    if one["other_institution"]:
        yield f"{name}: {one['other_institution']}"
        return
    if one["changes"]:
        yield f"{name}, since {one['taken']}:"
    for change in one["changes"]:
        yield f"  {'USED' if change['used'] else 'other'}  {change['text']}"
        for place in change["used"]:
            yield f"         used in {place}"
    for part, why in one["missing"].items():
        yield f"  {name}: not compared: {_WORDS.get(part, part)}. {why}"
