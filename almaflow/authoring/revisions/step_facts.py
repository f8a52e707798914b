"""The steps of a workflow as facts: what each says, and where it is in the file."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from almaflow.authoring.revisions.facts import Facts, facts_of, text_of
from almaflow.late_dataclasses import dataclass
from almaflow.settings import PathRefused, data_path
from almaflow.steps.submit_job import SubmitJob
from almaflow.steps.tree import StepNode
from almaflow.text_files import MIB, FileUnreadable, read_bytes, read_text
from almaflow.workflow_loader import LoadedWorkflow

if TYPE_CHECKING:
    from almaflow.alma.wire import JobParameter

LARGEST_FILE = 32 * MIB
"""Bytes of the largest file of data that is compared."""
# What may be the name of a file, and not an expression.
_FILE = re.compile(r"[^{}\n]{1,300}\.\w{1,8}")


@dataclass(frozen=True)
class StepFacts:
    """One step. *parent* is the place of the step around it in the list of all steps.

    *block* is the part of that step, or of the workflow, that holds it: an arm, a branch or
    `finally`; empty for the workflow's own list and for loops.
    """

    path: str
    label: str
    id: str | None
    kind: str
    line: int
    facts: Facts
    parent: int | None
    block: str


def steps_of(loaded: LoadedWorkflow, root: Path) -> Sequence[StepFacts]:
    """Return all steps of a workflow, those around others first; *root* is the project's folder."""
    steps: list[StepFacts] = []
    numbers: dict[str, int] = {}
    for node in loaded.workflow.all_steps():
        parent = node.around[-1] if node.around else None
        line = loaded.document.location_of(node.keys).line
        numbers[node.path] = len(steps)
        steps.append(
            StepFacts(
                node.path,
                node.path.rsplit("/", 1)[-1],
                node.step.id,
                node.step.kind.key,
                line,
                _facts(node, loaded, root),
                None if parent is None else numbers[parent.path],
                _block(node, parent),
            )
        )
    return steps


def _block(node: StepNode, parent: StepNode | None) -> str:
    """Return what holds a step: `case COMPLETED_WARNING`, `default`, the name of a branch."""
    if parent is None:
        return "finally" if node.keys[0] == "finally" else ""
    keys = [str(one) for one in node.keys[len(parent.keys) + 1 : -1]]
    if keys[:1] == ["cases"]:
        return f"case {keys[-1]}"
    return "" if keys == ["steps"] else " ".join(keys)


def _facts(node: StepNode, loaded: LoadedWorkflow, root: Path) -> Facts:
    step, kind = node.step, node.step.kind
    facts = {
        key: text
        for key, text in facts_of(step, leave_out=(*type(step).kind_keys(), "id")).items()
        # Its default is as good as nothing.
        if (key, text) != ("on_failure", "stop")
    }
    if isinstance(kind, SubmitJob):
        facts |= facts_of(kind, kind.key, (f"{kind.key}.parameters", f"{kind.key}.payload"))
        return facts | _parameters(kind, loaded, root)
    facts |= facts_of(kind, kind.key)
    if kind.key != "call":  # a called workflow is compared itself
        facts |= dict(_contents(facts, loaded, root))
    # Their order does not count: cases are compared as texts, and branches run together.
    arms = sorted(str(block.keys[-1]) for block in kind.blocks() if list(block.keys) != ["steps"])
    return facts | ({f"{kind.key} arms": "; ".join(arms)} if arms else {})


def _contents(facts: Facts, loaded: LoadedWorkflow, root: Path) -> Iterator[tuple[str, str]]:
    """Yield what is in the files that a step names, as far as they are in the project now."""
    if loaded.path is None:
        return
    folder = Path(os.path.realpath(loaded.path.parent))
    for key, text in facts.items():
        if not _FILE.fullmatch(text):
            continue
        # What is too large, or hidden, or no file, is refused when a run reads it.
        with suppress(PathRefused, FileUnreadable):
            content = read_bytes(data_path(root, text, beside=folder), LARGEST_FILE)
            lines = content.splitlines()
            digest = hashlib.sha256(b"\n".join(lines)).hexdigest()[:6]
            yield f"{key} (content)", f"{len(lines)} lines, {digest}"


def _parameters(kind: SubmitJob, loaded: LoadedWorkflow, root: Path) -> Facts:
    """Return the parameters that a job gets: the payload's, with those of the step."""
    # Few workflows submit a job with a payload, and XML is read with a separate library.
    from almaflow.alma.payload import ParameterRepeated, merge_parameters
    from almaflow.alma.wire import JobParameter

    if isinstance(kind.parameters, dict):
        overrides = {name: text_of(value) for name, value in kind.parameters.items()}
        given: dict[str, str] | list[JobParameter] = overrides
    else:
        given = [JobParameter(one.name, text_of(one.value)) for one in kind.parameters]
    payload = _payload(kind, loaded, root)
    others = [JobParameter(*one) for one in given.items()] if isinstance(given, dict) else given
    names = [one.value for one in (*payload, *others) if one.name == "job_name"]
    try:
        merged = merge_parameters(payload, given, None, names[-1] if names else None)
    except ParameterRepeated:
        merged = payload
    facts: Facts = {}
    for one in merged:
        key = f"parameter {one.name}"
        number = 2
        while key in facts:
            key = f"parameter {one.name} ({number})"
            number += 1
        facts[key] = one.value
    return facts


def _payload(kind: SubmitJob, loaded: LoadedWorkflow, root: Path) -> list[JobParameter]:
    from almaflow.alma.payload import LARGEST_PAYLOAD, PayloadInvalid, parse_payload

    if kind.payload is None or loaded.path is None:
        return []
    folder = Path(os.path.realpath(loaded.path.parent))
    try:
        return parse_payload(
            read_text(data_path(root, kind.payload, beside=folder), LARGEST_PAYLOAD, xml=True)
        )
    except (FileUnreadable, PathRefused, PayloadInvalid):
        # A valid workflow has a payload that can be read; here it has changed meanwhile.
        return []
