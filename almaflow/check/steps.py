"""The steps of a workflow: what each may refer to, and what single kinds get wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from almaflow.check.declarations import Declared, check_name
from almaflow.check.endings import check_endings
from almaflow.check.notes import Notes, check_length, check_poll, with_names
from almaflow.check.scopes import NO_SECRETS, RUN, RUN_ENDED, VisibleSteps
from almaflow.check.surroundings import Surroundings, check_institution, check_names_outside
from almaflow.check.walking import below, data_at, fields_of, sources
from almaflow.document import PathTo
from almaflow.expressions import ANYTHING, Record, Type, guards_of
from almaflow.steps.base import PollSettings, StepBase
from almaflow.workflow import Workflow


def placed_steps(workflow: Workflow) -> Iterator[tuple[PathTo, StepBase]]:
    """Yield every step with its path in the document, in the order of the file."""
    yield from _placed(("steps",), workflow.steps)
    yield from _placed(("finally",), workflow.finally_)


def _placed(path: PathTo, steps: Sequence[StepBase]) -> Iterator[tuple[PathTo, StepBase]]:
    for place, step in enumerate(steps):
        yield (*path, place), step
        for body in step.kind.bodies():
            yield from _placed((*path, place, step.kind.key, *body.keys), body.steps)


class StepChecks:
    """Goes through all steps of one workflow in order, knowing what can be seen from each."""

    def __init__(
        self,
        workflow: Workflow,
        notes: Notes,
        around: Surroundings,
        declared: Declared,
        lost: Collection[str],
    ) -> None:
        self.workflow = workflow
        self.notes = notes
        self.around = around
        self.declared = declared
        self.scope = declared.scope()
        self.by_id: dict[str, StepBase] = {}
        self.places: dict[str, PathTo] = {}
        self._name_all()
        self.visible = VisibleSteps(
            notes.document, self.places, [name for name in lost if name not in self.places]
        )

    def check(self) -> None:
        """Check every step, and the outputs of the workflow."""
        start = self.visible.mark()
        self._check_list(("steps",), self.workflow.steps, RUN, frozenset())
        body = self.visible.take(start)
        self.visible.put_back(body, "the run may have ended before that step")
        self._check_list(("finally",), self.workflow.finally_, RUN_ENDED, frozenset())
        # Outputs are worked out after a run that went well.
        self.visible.fields.update(body)
        self.visible.here = ("outputs",)
        scope = self._scope(RUN)
        for name, value in self.workflow.outputs.items():
            check_name(self.notes, ("outputs", name), "output")
            self.declared.check_templates(("outputs", name), value, scope)

    def _name_all(self) -> None:
        for path, step in placed_steps(self.workflow):
            if step.id is None:
                continue
            if step.id in self.places:
                first = self.notes.document.place((*self.places[step.id], "id")).line
                again = self.notes.document.place((*path, "id")).line
                where = f"first in line {first}" if first != again else "through an alias"
                self.notes.at(
                    (*path, "id"),
                    "duplicate-id",
                    f"The id `{step.id}` is used twice in this file, {where}; every step needs an "
                    "id of its own.",
                )
                continue
            self.places[step.id] = path
            self.by_id[step.id] = step

    def _check_list(
        self, path: PathTo, steps: Sequence[StepBase], run: Record, guards: frozenset[str]
    ) -> None:
        for place, step in enumerate(steps):
            self._check_step((*path, place), step, run, guards)
            self.visible.add(step)

    def _check_step(
        self, path: PathTo, step: StepBase, run: Record, guards: frozenset[str]
    ) -> None:
        self.visible.here = path
        scope = self._scope(run)
        if step.if_ is not None:
            self.notes.check((*path, "if"), step.if_, scope, guards)
            asked = self.notes.parse((*path, "if"), step.if_)
            guards |= guards_of(asked) if asked else frozenset()
        if step.institution is not None:
            self.notes.check((*path, "institution"), step.institution, scope, guards)
            check_institution(
                self.notes,
                self.around,
                (*path, "institution"),
                step.institution.text,
                self.workflow.environment,
            )
        check_length(self.notes, (*path, "timeout"), step.timeout)
        self._check_kind(path, step, scope, guards)
        check_endings(self.notes, path, step, self.by_id)
        check_names_outside(self.notes, self.around, path, step)
        self._check_bodies(path, step, run, guards)

    def _check_kind(
        self, path: PathTo, step: StepBase, scope: Record, guards: frozenset[str]
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

    def _check_bodies(
        self, path: PathTo, step: StepBase, run: Record, guards: frozenset[str]
    ) -> None:
        """Check the lists of steps inside; from behind, none of them has run for certain."""
        passed: dict[str, Type] = {}
        start = self.visible.mark()
        around = self.scope
        for body in step.kind.bodies():
            inside = (*path, step.kind.key, *body.keys)
            self.scope = with_names(around, dict.fromkeys(body.names, ANYTHING))
            self._check_list(inside, body.steps, run, guards)
            passed.update(self.visible.take(start))
        self.scope = around
        if passed:
            line = self.notes.document.place(path).line
            self.visible.put_back(
                passed, f"the {step.kind.key} in line {line} may take another arm"
            )

    def _scope(self, run: Record) -> Record:
        names = {"run": run, "steps": self.visible.record()}
        return Record({**self.scope.fields, **names}, self.scope.noun, {"secrets": NO_SECRETS})
