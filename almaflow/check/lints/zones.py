"""`no-timezone`: a schedule in UTC, because no zone is written anywhere."""

from __future__ import annotations

from almaflow.check.lints.subject import Subject
from almaflow.problems import Severity
from almaflow.settings.paths import FILE_NAME


def lint_zones(subject: Subject) -> None:
    """Note the first schedule entry whose times of day are in UTC without anyone having said so."""
    workflow, project = subject.workflow, subject.project
    is_set = project.document is not None and project.document.has(("timezone",))
    # An almaflow.yaml with errors is reported itself; it may well have a zone.
    is_broken = project.document is None and (project.folder / FILE_NAME).is_file()
    if workflow.timezone is not None or is_set or is_broken:
        return
    if subject.broken.at_top("timezone", "schedule"):
        return
    for place, entry in enumerate(workflow.schedule):
        if entry.timezone is None and entry.every is None:
            subject.notes.at(
                ("schedule", place),
                "no-timezone",
                "No time zone is given, so this time is in UTC and moves by an hour in summer. "
                f"Write {_line_to_paste()} at the top of {FILE_NAME}, where it counts for all "
                "workflows, or of this file.",
                # Without an almaflow.yaml the file may be meant for a project that has a zone.
                Severity.NOTE if project.document is None else Severity.WARNING,
            )
            return


def _line_to_paste() -> str:
    from almaflow.timetable.this_machine import zone_of_this_machine

    zone = zone_of_this_machine()
    if zone == "UTC":
        return "your zone, such as `timezone: Europe/Zurich`,"
    return f"`timezone: {zone}`, the zone of this machine, or yours"
