"""The steps of a workflow: what each may refer to, and what single kinds get wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from almaflow.check.alma_names import check_names
from almaflow.check.called_workflows import calls_in, check_call, outputs_of_call
from almaflow.check.collector import (
    ProblemCollector,
    check_length,
    check_poll,
    check_within,
    may_not_be_there,
    with_names,
)
from almaflow.check.declarations import DeclaredNames, check_name
from almaflow.check.impossible_conditions import check_conditions, check_values_of
from almaflow.check.loader import CheckContext, CheckedFile
from almaflow.check.nested_steps import (
    check_item_name,
    item_type,
    may_be_skipped,
    not_reached,
    results_of,
)
from almaflow.check.references import check_institution, check_names_outside
from almaflow.check.scopes import NO_SECRETS, RUN, RUN_ENDED, VisibleSteps, outputs_of, value_type
from almaflow.check.set_values import check_values
from almaflow.check.status_codes import check_endings, check_patience
from almaflow.check.traversal import below, data_at, fields_of, sources
from almaflow.document import PathTo
from almaflow.durations import format_duration
from almaflow.expressions import ANYTHING, MaybeMissing, RecordType, Type, guards_of
from almaflow.late_dataclasses import dataclass
from almaflow.steps.base import PollSettings, StepBase
from almaflow.steps.which_kind import is_call, is_for_each, is_parallel, is_submit_job
from almaflow.workflow import FINALLY, Workflow

if TYPE_CHECKING:
    from almaflow.steps.for_each import ForEach

_ITEM_OUTSIDE = "it is the item of the `for_each` in line {}, and only the steps inside can use it"


@dataclass(frozen=True)
class _Here:
    """What counts in a list of steps, in addition to the steps before it.

    *guards* are the steps that an `if` around asks about, *items* the items of each `for_each`
    around and the lines of these. *institution* is None when only the run will know it.
    """

    run: RecordType
    institution: str | None
    guards: frozenset[str] = frozenset()
    items: Mapping[str, Type] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


class StepChecks:
    """Goes through all steps of one workflow in order, knowing what can be seen from each.

    *outputs* and *calls* are, after the check, what callers see of it and which files it calls.
    """

    def __init__(
        self,
        workflow: Workflow,
        notes: ProblemCollector,
        around: CheckContext,
        declared: DeclaredNames,
        lost: Collection[str],
    ) -> None:
        self.workflow = workflow
        self.notes = notes
        self.around = around
        self.declared = declared
        self.scope = declared.scope()
        self.outputs: dict[str, Type] = {}
        self._steps = {node.keys: node.step for node in workflow.all_steps()}
        self._items = {
            step.kind.as_: _ITEM_OUTSIDE.format(notes.document.location_of(path).line)
            for path, step in reversed(self._steps.items())
            if is_for_each(step.kind)
        }
        self._by_id: dict[str, StepBase] = {}
        self._places: dict[str, PathTo] = {}
        self._name_all()
        self._called = calls_in(self._steps, notes, around)
        self.visible = VisibleSteps(
            notes.document,
            self._places,
            self._steps,
            [name for name in lost if name not in self._places],
        )

    @property
    def calls(self) -> dict[str, CheckedFile]:
        """The files that are called, by the names that the steps give them."""
        kinds = {path: self._steps[path].kind for path in self._called}
        return {kind.workflow: self._called[path] for path, kind in kinds.items() if is_call(kind)}

    def check(self) -> None:
        """Check every step, and the outputs of the workflow."""
        institution = self.around.project.default_institution
        if self.workflow.institution is not None:
            institution = self.workflow.institution.text
        here = _Here(RUN, _literal(institution))
        start = self.visible.mark()
        self._check_list(("steps",), self.workflow.steps, here)
        block = self.visible.take(start)
        self.visible.put_back(block, "the run may have ended before that step")
        self._check_list(("finally",), self.workflow.finally_, replace(here, run=RUN_ENDED))
        # Outputs are evaluated after a run that ended well.
        self.visible.fields.update(block)
        self.visible.here = ("outputs",)
        self._check_outputs(self._scope(here))

    def _check_outputs(self, scope: RecordType) -> None:
        """Check the outputs and note their types, for who calls this workflow."""
        file = self.notes.document.file
        left_out = self.visible.record(not_reached(self.workflow.steps))
        early = with_names(scope, {"steps": left_out})
        for name, value in self.workflow.outputs.items():
            path: PathTo = ("outputs", name)
            check_name(self.notes, path, "output")
            self.declared.check_templates(path, value, scope)
            check_values_of(self.notes, path, value, self._by_id)
            type_ = value_type(value, scope)
            if may_be_skipped(self.workflow.steps):
                type_ = MaybeMissing(
                    type_, "", f"{file} may end as skipped and then has no outputs"
                )
            elif may_not_be_there((source for _, source in sources(value, None, path)), early):
                type_ = MaybeMissing(type_, "", f"{file} may stop before it is known")
            self.outputs[name] = type_

    def _name_all(self) -> None:
        for path, step in self._steps.items():
            if step.id is None:
                continue
            if step.id in self._places:
                first = self.notes.document.location_of((*self._places[step.id], "id")).line
                again = self.notes.document.location_of((*path, "id")).line
                where = f"first in line {first}" if first != again else "through an alias"
                self.notes.at(
                    (*path, "id"),
                    "duplicate-id",
                    f"The id `{step.id}` is used twice in this file, {where}. Give every step "
                    "its own id.",
                )
                continue
            self._places[step.id] = path
            self._by_id[step.id] = step

    def _check_list(self, path: PathTo, steps: Sequence[StepBase], here: _Here) -> None:
        for place, step in enumerate(steps):
            outputs = self._check_step((*path, place), step, here)
            self.visible.add(step, outputs)

    def _check_step(self, path: PathTo, step: StepBase, here: _Here) -> Type:
        """Check a step with all inside it, and return what `steps.x` of it is."""
        self.visible.here = path
        scope = self._scope(here)
        if step.if_ is not None:
            self.notes.check((*path, "if"), step.if_, scope, here.guards)
            test = self.notes.parse((*path, "if"), step.if_)
            here = replace(here, guards=here.guards | (guards_of(test) if test else frozenset()))
        if step.institution is not None:
            named, place = step.institution.text, (*path, "institution")
            self.notes.check(place, step.institution, scope, here.guards)
            check_institution(self.notes, self.around, place, named, self.workflow.environment)
            here = replace(here, institution=_literal(named))
        check_length(self.notes, (*path, "timeout"), step.timeout)
        self._check_within(path, step)
        self._check_kind(path, step, scope, here.guards)
        check_endings(self.notes, path, step, self._by_id)
        check_values(self.notes, path, step, self._by_id)
        check_names(self.notes, path, step.kind)
        check_conditions(self.notes, path, step, self._by_id)
        check_patience(self.notes, path, step, self.workflow.defaults)
        check_names_outside(self.notes, self.around, path, step)
        if is_submit_job(step.kind):
            from almaflow.check.job_sets import check_set
            from almaflow.check.payload_jobs import check_scheduled

            check_set(self.notes, (*path, step.kind.key), step.kind, self._by_id)
            check_scheduled(self.notes, (*path, step.kind.key), step.kind)
        if is_for_each(step.kind):
            return self._check_for_each(path, step, step.kind, scope, here)
        if is_call(step.kind):
            return self._check_call(path, step, scope, here)
        self._check_blocks(path, step, here)
        return outputs_of(step.kind)

    def _check_within(self, path: PathTo, step: StepBase) -> None:
        """Note a timeout that the block around the step does not allow."""
        if step.timeout is None:
            return
        whole = self.workflow.timeout
        advice = (
            f"the whole workflow ends after {format_duration(whole)}. Use a longer `timeout` "
            "at the top of the file"
        )
        if path[0] == "finally":
            whole, advice = FINALLY, f"`finally` ends after {format_duration(FINALLY)}"
        check_within(self.notes, (*path, "timeout"), step.timeout, whole, advice)

    def _check_kind(
        self, path: PathTo, step: StepBase, scope: RecordType, guards: frozenset[str]
    ) -> None:
        """Check every expression under the key that names the step's kind."""
        kind, path = step.kind, (*path, step.kind.key)
        data = data_at(self.notes.document.data, path)
        extra = {id(scoped.source): scoped.extra for scoped in kind.scoped()}
        with_secrets = with_names(scope, {"secrets": self.around.secrets})
        for key, value in fields_of(kind):
            sees = with_secrets if key in kind.secret_keys else scope
            for place, source in sources(value, *below(kind, key, data, path)):
                own = extra.get(id(source))
                self.notes.check(place, source, with_names(sees, own) if own else sees, guards)
            if isinstance(value, PollSettings):
                check_poll(self.notes, (*path, key), value)

    def _check_for_each(
        self, path: PathTo, step: StepBase, kind: ForEach, scope: RecordType, here: _Here
    ) -> Type:
        """Check the steps inside, which are visible outside only through `results`."""
        inside = (*path, kind.key)
        used = scope.fields.keys() - here.items.keys()
        check_item_name(self.notes, inside, kind, used, here.lines)
        item = item_type(self.notes, inside, kind, scope)
        line = self.notes.document.location_of(path).line
        here = replace(
            here, items={**here.items, kind.as_: item}, lines={**here.lines, kind.as_: line}
        )
        start = self.visible.mark()
        self._check_list((*inside, "steps"), kind.steps, here)
        outputs = self.visible.take(start)
        return with_names(outputs_of(kind), {"results": results_of(step, item, outputs)})

    def _check_call(self, path: PathTo, step: StepBase, scope: RecordType, here: _Here) -> Type:
        called = self._called.get(path)
        if called is not None:
            around, at = self.around, here.institution
            check_call(self.notes, around, path, step, called, self.workflow, at, scope)
        return outputs_of_call(called, step.id or "")

    def _check_blocks(self, path: PathTo, step: StepBase, here: _Here) -> None:
        """Check the lists of steps inside; of several arms none has run for certain."""
        passed: dict[str, Type] = {}
        start = self.visible.mark()
        for block in step.kind.blocks():
            inside = (*path, step.kind.key, *block.keys)
            if is_parallel(step.kind):
                check_name(self.notes, inside, "branch")
            items = {**here.items, **dict.fromkeys(block.names, ANYTHING)}
            self._check_list(inside, block.steps, replace(here, items=items))
            outputs = self.visible.take(start)
            if not block.own_scope:
                passed.update(outputs)
        if passed:
            line = self.notes.document.location_of(path).line
            self.visible.put_back(passed, _why_not_run(step, line))

    def _scope(self, here: _Here) -> RecordType:
        names = {"run": here.run, "steps": self.visible.record(), **here.items}
        absent = {**self._items, "secrets": NO_SECRETS}
        return with_names(RecordType(self.scope.fields, self.scope.noun, absent), names)


def _why_not_run(step: StepBase, line: int) -> str:
    """Return why the steps inside one that was passed may not have run; empty: they have."""
    subject = f"the {step.kind.key} in line {line}"
    if not is_parallel(step.kind):
        return f"{subject} may take another arm"
    if step.if_ is not None:
        return f"{subject} has an `if` and may not have run"
    if step.on_failure == "continue":
        return f"{subject} may have failed, and the run then continues (`on_failure: continue`)"
    return ""


def _literal(name: str | None) -> str | None:
    """Return a name that is known before the run, else None."""
    return None if name is None or "{{" in name else name
