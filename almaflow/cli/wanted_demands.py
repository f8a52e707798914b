"""What a workflow's expressions ask of each step, of its inputs and of the items of its loops.

Steps are read from the last to the first, so that what a step gives is known to be asked for
before what it takes is: a loop over `steps.x.value` asks of `x` what its own steps ask of an item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, cast

from almaflow.alma.simulator.library import TITLES
from almaflow.cli.wanted_values import all_sources, known_value, parsed_source
from almaflow.expressions.demands import ANY, TEXT, Demand, Form, demanded, each, having
from almaflow.field_types import IdTemplate, Template, TemplateText
from almaflow.late_dataclasses import dataclass
from almaflow.steps.base import StepBase
from almaflow.steps.branch import Branch
from almaflow.steps.call import Call
from almaflow.steps.check import Check
from almaflow.steps.create_set import CreateSet
from almaflow.steps.csv_rows import CsvRows
from almaflow.steps.for_each import ForEach
from almaflow.steps.job_step import JobStep
from almaflow.steps.tree import StepNode
from almaflow.steps.update_set import UpdateSet
from almaflow.workflow import Workflow
from almaflow.workflow_loader import LoadedWorkflow

Names = Mapping[str, Any]

# How often all steps are read: results of loops are asked for after the steps inside were read.
_PASSES = 3
_TRUE = Demand(form="boolean", bounds=(("==", True),))
_ID = Demand(form="id")
_BOOLEAN = Demand(form="boolean")
# Fields that take a list of ids.
_MEMBERS = ("members", "add", "remove", "replace")
# How the ids of members look, by the content of their set.
_FORMS: Mapping[str, str] = {
    "USER": "user_id",
    "ITEM": "barcode",
    **dict.fromkeys(TITLES, "mms_id"),
}


@dataclass
class Demands:
    """What is asked of the steps of one workflow, by id, and of the files that it calls."""

    steps: dict[str, Demand] = field(default_factory=dict)
    inputs: Demand = ANY
    vars: Demand = ANY
    items: dict[str, Demand] = field(default_factory=dict)
    """Of the items of a loop, by its path."""
    called: dict[str, Demands] = field(default_factory=dict)
    named: dict[str, Demand] = field(default_factory=dict)
    """Of the content of files, by the text that names them: a template."""

    def of(self, step: StepBase) -> Demand:
        """Return what is asked of the outputs of *step*."""
        return self.steps.get(step.id or "", ANY)

    def body_of(self, step: StepBase, select: str | None) -> Demand:
        """Return what is asked of the response that a `get` reads; *select* is its JMESPath."""
        asked = self.of(step)
        if select is None:
            return asked.member("body") | asked.member("value")
        # Most files have no `select`, and its library is not small.
        from almaflow.steps.selected import selected
        from almaflow.steps.selection import SelectWrong, compile_select

        try:
            tree = compile_select(select).tree
        except SelectWrong:
            return ANY
        return selected(tree, asked.member("value"))


def demands_of(loaded: LoadedWorkflow, names: Names, outputs: Demand = ANY) -> Demands:
    """Return what *loaded* asks for; *outputs* is what is asked of its own outputs."""
    found = Demands()
    for _ in range(_PASSES):
        _Reader(found, loaded, names).read(outputs)
    return found


class _Reader:
    """Reads one workflow once, from its end to its beginning."""

    def __init__(self, found: Demands, loaded: LoadedWorkflow, names: Names) -> None:
        self._found = found
        self._loaded = loaded
        self._workflow: Workflow = loaded.workflow
        self._names = names

    def read(self, outputs: Demand) -> None:
        for name, value in (self._workflow.outputs or {}).items():
            if isinstance(value, TemplateText):
                self._take(value, outputs.member(name))
        for step, source, _ in all_sources(self._workflow):
            if step is None:
                self._take(source, ANY)
        for node in reversed(list(self._workflow.all_steps())):
            self._read_step(node)
        for name, value in (self._workflow.vars or {}).items():
            if isinstance(value, TemplateText):
                self._take(value, self._found.vars.member(name))

    def _read_step(self, node: StepNode) -> None:
        step, kind = node.step, node.step.kind
        if isinstance(kind, ForEach):
            results = self._found.of(step).member("results").item
            for name, inner in results.member("steps").members.items():
                self._ask(name, inner)
            self._found.items.setdefault(node.path, ANY)
            self._found.items[node.path] |= results.member("item")
        if isinstance(kind, Call):
            self._read_called(node, kind)
        for _, source, path in all_sources(self._workflow, step):
            binding = isinstance(kind, Check) or (isinstance(kind, JobStep) and "expect" in path)
            wanted = self._wanted(node, path)
            if wanted == TEXT and isinstance(source, IdTemplate):
                wanted = _ID
            self._take(source, wanted, node.around, binding=binding)

    def _wanted(self, node: StepNode, path: tuple[str | int, ...]) -> Demand:
        """Return what a field of a step takes."""
        kind, key = node.step.kind, path[0] if path else ""
        # The conditions of `check` and `expect` are what their models are short for.
        if (isinstance(kind, Check) and not path) or (key == "expect" and len(path) == 2):
            return _TRUE
        if key == "if":
            return _BOOLEAN
        if isinstance(kind, ForEach) and key == "items":
            item = self._found.items[node.path]
            return each(item) if len(path) == 1 else item
        if isinstance(kind, Branch) and key == "on":
            first = next(iter(kind.cases), "").partition("|")[0].strip()
            return Demand(form="text", bounds=(("==", first),)) if first else TEXT
        if isinstance(kind, Call) and key == "inputs" and len(path) == 2:
            called = self._found.called.get(kind.workflow) or Demands()
            return called.inputs.member(str(path[1]))
        if isinstance(kind, CsvRows) and path in ((), ("file",)):
            return naming(rows_of(self._found.of(node.step), tuple(kind.columns or ())))
        if isinstance(kind, CreateSet | UpdateSet) and key in _MEMBERS:
            return self._members(node.step, kind, str(key), path)
        return TEXT

    def _members(
        self, step: StepBase, kind: CreateSet | UpdateSet, key: str, path: tuple[str | int, ...]
    ) -> Demand:
        """Return what a field of `members` takes: a list of ids, one id, or a file with them."""
        form, bounds = (
            self._form_of_members(kind),
            self._found.of(step).member("member_count").bounds,
        )
        if path[-1] == "file":
            column = getattr(kind, key).column
            row = having(column, form) if column is not None else form
            return naming(Demand(element=row, bounds=bounds))
        return Demand(element=form, bounds=bounds) if len(path) == 1 else form

    def _form_of_members(self, kind: CreateSet | UpdateSet) -> Demand:
        content = kind.content if isinstance(kind, CreateSet) else ""
        by_barcode = kind.id_type == "BARCODE" or (not kind.id_type and content == "ITEM")
        form = "barcode" if by_barcode else _FORMS.get(content, "id")
        return Demand(form=cast(Form, form))

    def _read_called(self, node: StepNode, kind: Call) -> None:
        inner = self._loaded.calls.get(kind.workflow)
        if inner is not None:
            outputs, names = self._found.of(node.step), dict(self._names)
            names.pop("inputs", None)
            names.pop("vars", None)
            self._found.called[kind.workflow] = demands_of(inner, names, outputs)

    def _take(
        self,
        source: TemplateText,
        wanted: Demand,
        around: tuple[StepNode, ...] = (),
        *,
        binding: bool = False,
    ) -> None:
        """Note what a text asks for when it should give what is *wanted*."""
        parsed = parsed_source(source)
        if parsed is None:
            return
        if wanted.content is not None:
            self._found.named[source.text] = wanted.content
        if isinstance(source, Template) and not parsed.single:
            wanted = Demand(form="text", content=wanted.content)
        found = demanded(
            parsed, wanted, lambda text: known_value(text, self._names), binding=binding
        )
        for name, inner in found.member("steps").members.items():
            self._ask(name, inner)
        self._found.inputs |= found.member("inputs")
        self._found.vars |= found.member("vars")
        for name, inner in found.members.items():
            self._ask_item(name, inner, around)

    def _ask(self, step_id: str, demand: Demand) -> None:
        self._found.steps[step_id] = self._found.steps.get(step_id, ANY) | demand

    def _ask_item(self, name: str, demand: Demand, around: tuple[StepNode, ...]) -> None:
        for loop in reversed(around):
            if isinstance(loop.step.kind, ForEach) and loop.step.kind.as_ == name:
                self._found.items[loop.path] = self._found.items.get(loop.path, ANY) | demand
                return


def naming(content: Demand) -> Demand:
    """Return the demand for a text that names a file with this *content*."""
    return Demand(form="text", content=content)


def rows_of(demand: Demand, columns: tuple[str, ...]) -> Demand:
    """Return what is asked of a list of rows with *columns*; its `count` is one of its length."""
    rows = demand.member("rows")
    bounds = (*rows.bounds, *demand.member("count").bounds)
    named = ANY
    for column in columns:
        named |= having(column, ANY)
    return Demand(element=rows.item | named, bounds=bounds)
