"""Jobs and profiles of Alma as steps of a workflow, ready to paste into its `steps`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

from almaflow.alma.wire import Job
from almaflow.operations.alma_finding import JobOfProfile
from almaflow.operations.alma_lists import ImportProfileView, JobView, ProfileView
from almaflow.redaction import REDACTION
from almaflow.visible import visible, without_commands

J = TypeVar("J", Job, JobView)

# Text that needs no quotes for any YAML reader.
_LETTERS = "A-Za-zÀ-ÖØ-öø-ÿ_"
_SIMPLE = re.compile(rf"[{_LETTERS}][{_LETTERS}0-9./()+-]*( [{_LETTERS}0-9./()+-]+)*")
_WORDS_WITH_MEANING = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def quoted(text: str) -> str:
    """Return *text* as a YAML scalar that every reader reads as text, in quotes if it has to be."""
    if _SIMPLE.fullmatch(text) and text.casefold() not in _WORDS_WITH_MEANING:
        return text
    # A JSON string is also YAML, except for characters that YAML needs escaped.
    written = json.dumps(REDACTION.text(text), ensure_ascii=False)
    return without_commands(
        "".join(sign if visible(sign) == sign else _escaped(sign) for sign in written)
    )


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def job_step(job: Job | JobView) -> Iterator[str]:
    """Yield the lines of a step that submits *job*."""
    yield "- submit_job:"
    yield f"    job: {{id: {quoted(job.id)}, name: {quoted(job.name)}}}"
    if job.type == "MANUAL":
        yield '    set: "{{ steps.NAME.set_id }}"'


def profile_step(
    profile: ProfileView, jobs: Sequence[Job | JobView | JobOfProfile]
) -> Iterator[str]:
    """Yield the lines of a step that runs the job of a profile; *jobs* are those that it has."""
    yield "- run_profile:"
    if isinstance(profile, ImportProfileView):
        yield f"    import: {quoted(profile.name)}"
        return
    yield f"    integration: {quoted(profile.code or profile.name)}"
    if len(jobs) > 1:
        yield f"    job: {quoted(jobs[0].name)}"


def jobs_of(profile: ProfileView, jobs: Sequence[J]) -> list[J]:
    """Return those of *jobs* that belong to a profile."""
    if isinstance(profile, ImportProfileView) and profile.job_id:
        return [job for job in jobs if job.id == profile.job_id]
    return [job for job in jobs if job.profile_id == profile.id]
