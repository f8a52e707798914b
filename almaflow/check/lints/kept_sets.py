"""`set-kept` and `set-name-repeats`: sets that stay in Alma, and names that the next run needs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from almaflow.check.lints.subject import Subject, pairs_in
from almaflow.field_types import Plain, Template
from almaflow.problems import Severity
from almaflow.steps.base import StepBase
from almaflow.steps.tree import StepNode
from almaflow.steps.which_kind import is_create_set

_VARIES = re.compile(r"\b(?:run|now|today|steps|vars|item)\b")
_INPUT = re.compile(r"\binputs\.(\w+)")


def sweeps_of(subject: Subject) -> Iterator[str]:
    """Yield the beginnings of names whose sets the workflow deletes when they are old."""
    for node in subject.nodes:
        prefix = _deletion(node.step, "prefix")
        if prefix is not None and "{{" not in prefix:
            yield prefix
    if subject.broken.may_delete_sets:
        # It is not known which, so it may be those of any name.
        yield ""


def lint_kept_sets(subject: Subject, sweeps: Collection[str]) -> None:
    """Note the sets that nothing deletes; *sweeps* are those of all workflows."""
    all_deletions = _deletions(subject)
    for node in subject.nodes:
        kind = node.step.kind
        if not is_create_set(kind) or kind.if_exists != "fail":
            continue
        if node.step.id in subject.handed_on or _may_be_handed_on(subject, node):
            # Who gets the set may delete it.
            continue
        name, repeats = kind.name.text, _repeats(subject, node, kind.name.text)
        deletions = _deletions_of(all_deletions, node)
        swept = any(name.startswith(prefix) for prefix in sweeps)
        if not deletions and not swept and not repeats:
            _note_kept(subject, node)
        if repeats and not _always_deleted(deletions) and not subject.broken.may_delete_sets:
            subject.notes.at(
                (*node.keys, kind.key, "name"),
                "set-name-repeats",
                "Every run creates a set with this name, and names of sets are unique in Alma, so "
                "a run fails while the set of an earlier one exists. Add the run to the name, such "
                f'as `name: "{name} {{{{ run.id }}}}"`, or write `if_exists: replace`.',
                Severity.WARNING,
            )


def _may_be_handed_on(subject: Subject, node: StepNode) -> bool:
    """Whether something is wrong with a step, or something that is wrong may be about its set."""
    id = node.step.id
    return subject.broken.around(node.keys) or (id is not None and subject.broken.mention(id))


def _note_kept(subject: Subject, node: StepNode) -> None:
    id = node.step.id or "titles"
    name_it = "" if node.step.id else f"Give this step an `id`, such as `id: {id}`. "
    subject.notes.at_key(
        (*node.keys, node.step.kind.key),
        "set-kept",
        f"No step deletes this set, so Alma has one more set after each run. {name_it}Delete the "
        f'set in `finally`, such as `- {{if: steps.{id}.set_id is defined, delete_set: "{{{{ '
        f'steps.{id}.set_id }}}}"}}`, or delete old sets with `delete_set: {{prefix: …, '
        "older_than: 30d}` in a workflow of its own.",
        Severity.WARNING,
    )


def _deletions(subject: Subject) -> Mapping[str, list[StepNode]]:
    """Return the steps that delete a set, by the ids of the steps that they name.

    Those of what the run alone knows, such as the item of a loop, are under an empty id.
    """
    deletions: dict[str, list[StepNode]] = {}
    for node in subject.nodes:
        deleted = _deletion(node.step, "id")
        if deleted is None or "{{" not in deleted:
            continue
        ids = {name for owner, name in pairs_in(deleted) if owner == "steps"}
        for id in ids or {""}:
            deletions.setdefault(id, []).append(node)
    return deletions


def _deletions_of(deletions: Mapping[str, list[StepNode]], node: StepNode) -> list[StepNode]:
    """Return the steps that may delete the set of *node*: through its id or that of its loop."""
    if node.step.id is None:
        return []
    ids = {"", node.step.id, *(outer.step.id for outer in node.around if outer.step.id)}
    return [one for id in ids for one in deletions.get(id, ())]


def _always_deleted(deletions: Collection[StepNode]) -> bool:
    return any(
        node.keys[0] == "finally" and _asks_only_whether_there(node.step) for node in deletions
    )


def _asks_only_whether_there(step: StepBase) -> bool:
    return step.if_ is None or "outcome" not in step.if_.text


def _deletion(step: StepBase, key: str) -> str | None:
    if step.kind.key != "delete_set":
        return None
    value = getattr(step.kind, key, None)
    return value.text if isinstance(value, Template) else None


def _repeats(subject: Subject, node: StepNode, name: str) -> bool:
    """Whether the *name* is the same in the next run of the timetable."""
    if any(one.step.kind.key == "for_each" for one in node.around) and "{{" in name:
        name = name.replace("{{", "{{ item ") if not _INPUT.search(name) else name
    if "{{" not in name:
        return True
    inside = " ".join(re.findall(r"\{\{(.*?)\}\}", name[: name.rfind("}}") + 2], re.DOTALL))
    if _VARIES.search(inside) or not subject.workflow.schedule:
        return False
    names = set(_INPUT.findall(inside))
    if subject.broken.at_top("inputs", "schedule"):
        return False
    return bool(names) and all(_is_fixed(subject, one) for one in names)


def _is_fixed(subject: Subject, name: str) -> bool:
    """Whether an input is the same in each run of the timetable."""
    declared = subject.workflow.inputs.get(name)
    if declared is None or declared.is_required:
        return False
    given = any(name in entry.inputs for entry in subject.workflow.schedule)
    value = declared.default
    text = value.text if isinstance(value, (Template, Plain)) else str(value)
    return not given and not _VARIES.search(text)
