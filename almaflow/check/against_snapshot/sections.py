"""Which part of the snapshot counts for a step."""

from __future__ import annotations

from almaflow.check.against_snapshot.uses import PlacedStep
from almaflow.settings import Project
from almaflow.snapshot.model import Section, Snapshot


def section_for(placed: PlacedStep, snapshot: Snapshot, project: Project) -> Section | None:
    """Return the section of the institution of a step; None when there is none that counts."""
    if placed.is_computed:
        return None
    section = snapshot.section(placed.institution)
    return section if section is not None and fits_settings(section, project) else None


def fits_settings(section: Section, project: Project) -> bool:
    """Whether *section* is of the institution and environment that almaflow.yaml means."""
    entry = project.institutions.get(section.institution)
    if entry is None:
        return not project.institutions
    if section.simulated:
        return True
    code_fits = not entry.code or not section.code or entry.code == section.code
    return code_fits and section.environment in ("", str(entry.environment))
