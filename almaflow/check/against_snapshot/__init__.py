"""Checks against the snapshot of Alma: the names, ids and codes that Alma has, without a network.

Alma may have changed since: what the snapshot does not have is a warning, which names its day. What
contradicts it is an error: a job of another kind, a set that the job does not work on, a name that
several jobs have.

uses       steps, and at which institution each runs     sections      the part that counts for it
jobs       jobs by id and name, their parameters         profiles      integration, import
counters   counters in expressions                       set_contents  sets that a job works on
whole_file the file itself
"""

from __future__ import annotations

from almaflow.check.against_snapshot.counters import check_counters
from almaflow.check.against_snapshot.jobs import check_job
from almaflow.check.against_snapshot.profiles import check_profile
from almaflow.check.against_snapshot.sections import section_for
from almaflow.check.against_snapshot.set_contents import check_set_content
from almaflow.check.against_snapshot.uses import StepsOfFile, files_of
from almaflow.check.collector import ProblemCollector
from almaflow.check.ignored_problems import Sifted, sift
from almaflow.check.loader import CheckedFile
from almaflow.problems import Problem, Severity
from almaflow.settings import Project
from almaflow.snapshot.files import snapshot_in
from almaflow.snapshot.model import Snapshot

__all__ = ["check_against_snapshot"]


def check_against_snapshot(checked: CheckedFile, project: Project) -> Sifted:
    """Return what the snapshot of *project* says about *checked* and the files it calls."""
    snapshot = snapshot_in(project.folder)
    kept: set[Problem] = set()
    ignored: set[Problem] = set()
    if snapshot is not None:
        known = {
            one.location
            for one in checked.everything()
            if one.severity is Severity.ERROR or one.code == "scheduled-job"
        }
        for file in files_of(checked, project.default_institution):
            found = (
                one for one in _check_file(file, snapshot, project) if one.location not in known
            )
            sifted = sift(found, file.document, project.settings.lint)
            kept |= set(sifted.kept)
            ignored |= set(sifted.ignored)
    return Sifted(tuple(sorted(kept)), tuple(sorted(ignored)))


def _check_file(file: StepsOfFile, snapshot: Snapshot, project: Project) -> set[Problem]:
    notes = ProblemCollector(file.document)
    for placed in file.steps:
        section = section_for(placed, snapshot, project)
        if section is None:
            continue
        check_job(notes, placed, section, snapshot)
        check_profile(notes, placed, section)
        check_set_content(notes, placed, section, file)
    check_counters(notes, file, lambda placed: section_for(placed, snapshot, project))
    return notes.problems
