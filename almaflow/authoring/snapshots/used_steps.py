"""What the workflows of a project name in Alma, by institution."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from almaflow.alma.payload import LARGEST_PAYLOAD, PayloadInvalid, decode_payload, read_payload
from almaflow.check.against_snapshot.jobs import job_of
from almaflow.check.against_snapshot.profiles import profiles_named
from almaflow.check.against_snapshot.uses import PlacedStep, files_of
from almaflow.document import Document, PathTo
from almaflow.late_dataclasses import dataclass
from almaflow.snapshot.model import Section
from almaflow.steps.which_kind import is_submit_job
from almaflow.text_files import FileUnreadable, read_bytes
from almaflow.workflow_loader import LoadedWorkflow


@dataclass(frozen=True)
class UsedStep:
    """A step of a workflow file, with the document that it is written in."""

    document: Document
    placed: PlacedStep

    def place(self, *keys: str) -> str:
        """Return the place of *keys* under the key of the kind, such as `workflows/a.yaml:7:5`."""
        path: PathTo = (*self.placed.inside, *keys)
        while path and not self.document.has(path):
            path = path[:-1]
        return str(self.document.location_of(path))


def used_steps(
    loaded: Iterable[LoadedWorkflow], default_institution: str | None
) -> Mapping[str, Sequence[UsedStep]]:
    """Return the steps of all workflows by the entry of almaflow.yaml where they run.

    Steps whose institution only a run knows are left out.
    """
    steps: defaultdict[str, dict[tuple[str, PathTo], UsedStep]] = defaultdict(dict)
    for workflow in loaded:
        for file in files_of(workflow, default_institution):
            for placed in file.steps:
                if placed.institution is not None and not placed.is_computed:
                    key = (file.document.file, placed.path)
                    steps[placed.institution][key] = UsedStep(file.document, placed)
    return {name: tuple(found.values()) for name, found in steps.items()}


def used_jobs(steps: Iterable[UsedStep], section: Section) -> list[str]:
    """Return the ids of the jobs that steps run or wait for, as *section* has them, each once."""
    found = (job_of(one.placed, section) for one in steps)
    return list(dict.fromkeys(job.id for job in found if job is not None))


def used_profiles(steps: Iterable[UsedStep], section: Section) -> list[str]:
    """Return the ids of the profiles that steps name, each once."""
    found = (profiles_named(one.placed.kind, section) for one in steps)
    return list(dict.fromkeys(profile.id for named in found for profile in named))


def payload_parameters(steps: Iterable[UsedStep], section: Section) -> dict[str, tuple[str, ...]]:
    """Return the names of parameters in the payloads of *steps*, by job; values are left out."""
    names: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for one in steps:
        kind = one.placed.kind
        job = job_of(one.placed, section)
        if not is_submit_job(kind) or kind.payload is None or job is None:
            continue
        # What is wrong with a payload, `validate` reports.
        with suppress(FileUnreadable, PayloadInvalid, OSError, ValueError):
            file = Path(one.document.file).parent / kind.payload
            payload = read_payload(decode_payload(read_bytes(file, LARGEST_PAYLOAD)))
            names[job.id] |= dict.fromkeys(parameter.name for parameter in payload.parameters)
    return {job: tuple(found) for job, found in names.items() if found}
