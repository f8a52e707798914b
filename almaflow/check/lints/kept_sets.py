"""`set-kept` and `set-name-repeats`: sets that stay in Alma, and names that the next run needs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from almaflow.check.lints.subject import Subject
from almaflow.field_types import Plain, Template
from almaflow.problems import Severity
from almaflow.steps.base import StepBase
from almaflow.steps.tree import StepNode
from almaflow.steps.which_kind import is_call, is_create_set

_VARIES = re.compile(r"\b(?:run|now|today|steps|vars|item)\b")
_INPUT = re.compile(r"\binputs\.(\w+)")


def sweeps_of(subject: Subject) -> Iterator[str]:
    """Yield the beginnings of names whose sets the workflow deletes when they are old."""
    for node in subject.nodes:
        prefix = _deletion(node.step, "prefix")
        if prefix is not None and "{{" not in prefix:
            yield prefix


def lint_kept_sets(subject: Subject, sweeps: Collection[str]) -> None:
    """Note the sets that nothing deletes; *sweeps* are those of all workflows."""
    for node in subject.nodes:
        kind = node.step.kind
        if not is_create_set(kind):
            continue
        name, repeats = kind.name.text, _repeats(subject, node, kind.name.text)
        deletions = list(_deletions_of(subject, node.step.id))
        swept = any(name.startswith(prefix) for prefix in sweeps)
        if not deletions and not swept and kind.if_exists == "fail" and not repeats:
            _note_kept(subject, node)
        if repeats and kind.if_exists == "fail" and not _always_deleted(deletions):
            subject.notes.at(
                (*node.keys, kind.key, "name"),
                "set-name-repeats",
                "Every run creates a set with this name, and names of sets are unique in Alma, so "
                "a run fails while the set of an earlier one exists. Add the run to the name, such "
                f'as `name: "{name} {{{{ run.id }}}}"`, or write `if_exists: replace`.',
                Severity.WARNING,
            )


def _note_kept(subject: Subject, node: StepNode) -> None:
    kind, id = node.step.kind, node.step.id or "ID"
    subject.notes.at_key(
        (*node.keys, kind.key),
        "set-kept",
        "No step deletes this set, so Alma has one more set after each run. Delete it in "
        f'`finally`, such as `- {{if: steps.{id}.set_id is defined, delete_set: "{{{{ '
        f'steps.{id}.set_id }}}}"}}`, or delete old sets with `delete_set: {{prefix: …, '
        "older_than: 30d}` in a workflow of its own.",
        Severity.WARNING,
    )


def _deletions_of(subject: Subject, id: str | None) -> Iterator[StepNode | None]:
    """Yield the steps that delete the set of the step *id*; None: whoever gets its id may."""
    if id is None:
        return
    use = re.compile(rf"\bsteps(?:\.|\[['\"]){id}\b")
    within = re.compile(rf"\b{id}\.set_id\b")
    loops = {outer.step.id for node in subject.nodes if node.step.id == id for outer in node.around}
    for node in subject.nodes:
        deleted = _deletion(node.step, "id")
        if deleted is None:
            continue
        in_loop = any(loop and f"steps.{loop}." in deleted for loop in loops)
        if use.search(deleted) or within.search(deleted) or in_loop or _is_item(deleted):
            yield node
    if any(use.search(text) for path, text in subject.texts if path[0] == "outputs"):
        yield None
    for node in subject.nodes:
        if is_call(node.step.kind) and any(
            use.search(text) for path, text in subject.texts if path[: len(node.keys)] == node.keys
        ):
            yield None


def _is_item(text: str) -> bool:
    return "steps." not in text and "{{" in text


def _always_deleted(deletions: Collection[StepNode | None]) -> bool:
    return any(
        node is None or (node.keys[0] == "finally" and _asks_only_whether_there(node.step))
        for node in deletions
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
    inside = " ".join(re.findall(r"\{\{(.*?)\}\}", name, re.DOTALL))
    if _VARIES.search(inside) or not subject.workflow.schedule:
        return False
    names = set(_INPUT.findall(inside))
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
