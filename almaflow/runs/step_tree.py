"""The steps of a plan by their paths, with their order and their enclosing steps.

A path in the journal may name an iteration of a step that the file has only once: `all/3/items` is
the step `all/*/items` of the file, in its third iteration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Protocol

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.problems import did_you_mean
from almaflow.recorded_steps import OUTLINE, recorded_workflow

if TYPE_CHECKING:
    from almaflow.document import Document, PathTo
    from almaflow.plan import Plan
    from almaflow.workflow_loader import LoadedWorkflow

ANY = "*"
"""The part of a path that represents any iteration."""

FINALLY = "finally"

Order = tuple[int, ...]
"""The position of a step. Positions compare by place in the file, and iterations by number."""


class TreeBlock(Protocol):
    """A list of steps inside a step: a model's, or a recorded one."""

    @property
    def name(self) -> str: ...
    @property
    def steps(self) -> Sequence[TreeStep]: ...


class TreeKind(Protocol):
    """The kind of a step: a model, or a recorded one."""

    @property
    def key(self) -> str: ...
    def blocks(self) -> Iterator[TreeBlock]: ...


class TreeStep(Protocol):
    """A step: the model of one in a file, or a recorded one."""

    @property
    def id(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def on_failure(self) -> str: ...
    @property
    def kind(self) -> TreeKind: ...
    def label(self, place: int) -> str: ...


class TreeWorkflow(Protocol):
    """The steps of a workflow."""

    @property
    def steps(self) -> Sequence[TreeStep]: ...
    @property
    def finally_(self) -> Sequence[TreeStep]: ...


@dataclass(frozen=True)
class CalledWorkflow:
    """A workflow with the workflows that it calls, by the names under which it calls them."""

    workflow: TreeWorkflow
    calls: Mapping[str, CalledWorkflow] = field(default_factory=dict)
    document: Document | None = None
    """The file that it was read from."""


ANYWHERE = 1_000_000
"""The number of "any iteration" in an `Order`; no `for_each` has as many."""


# The largest number of steps listed when a person has mistyped one.
_LISTED = 30


@dataclass(frozen=True)
class StepPosition:
    """One step and its position."""

    path: str
    step: TreeStep
    order: Order
    around: tuple[StepPosition, ...] = ()
    """Its enclosing steps, the outermost first."""
    in_finally: bool = False
    """Whether it, or an enclosing step, is in a `finally`."""
    calls: int = 0
    """How many workflow calls enclose it."""
    keys: PathTo = ()
    """Its location in its document."""
    document: Document | None = None

    @property
    def line(self) -> str:
        """The file and line of the step, `weed.yaml:12`; empty when they are not known."""
        if self.document is None:
            return ""
        place = self.document.location_of(self.keys)
        return f"{place.file}:{place.line}"


class StepTree:
    """The steps of one plan."""

    def __init__(self, whole: CalledWorkflow) -> None:
        self._whole = whole

    @classmethod
    def of(cls, plan: Plan) -> StepTree:
        """Return the outline of *plan*, with the workflows that it calls."""
        return cls.of_definition(plan.definition)

    @classmethod
    def of_definition(cls, definition: Mapping[str, Any]) -> StepTree:
        """Return the steps of a recorded definition, with their locations in its files.

        Raises:
            DocumentsInvalid: this version cannot read the files.
        """
        return cls(_whole(definition))

    @classmethod
    def of_recorded(cls, definition: Mapping[str, Any]) -> StepTree:
        """Return the steps of a recorded definition, without their locations in its files.

        Raises:
            DocumentsInvalid: a definition without outline, of before, cannot be read.
        """
        return cls(_recorded(definition))

    @classmethod
    def of_loaded(cls, loaded: LoadedWorkflow) -> StepTree:
        """Return the outline of a workflow that was read from its files."""
        return cls(_loaded(loaded))

    def places(self) -> Iterator[StepPosition]:
        """Yield every step in the order of the file; `*` represents the iterations."""
        return self._of_workflow(self._whole, _Here(), _Walk())

    def of_iterations(self, begun: Iterable[str]) -> list[StepPosition]:
        """Return every step; those of a `for_each` appear once for each iteration that has begun.

        *begun* are the paths of steps that have begun. Steps of a `for_each` without begun
        iterations have `*` in their paths.
        """
        return list(self._of_workflow(self._whole, _Here(), _Walk(begun)))

    def place(self, path: str) -> StepPosition | None:
        """Return the position of the step with this path; None when the plan has no such step."""
        places = self._of_workflow(self._whole, _Here(), _Walk([path], along=path))
        return next((place for place in places if place.path == path), None)

    def named(self, name: str) -> StepPosition:
        """Return the step that people call *name*: its path, or its id where that is enough.

        Raises:
            RequestWrong: there is none, or several have this id.
        """
        place = self.place(name)
        if place is not None:
            return place
        places = list(self.places())
        matches = [place for place in places if place.step.id == name]
        # An id is unique in its file, but a called workflow may use the same id.
        nearest = [place for place in matches if place.calls == min(one.calls for one in matches)]
        if len(nearest) == 1:
            return nearest[0]
        if matches:
            listed = ", ".join(f"`{place.path}`" for place in nearest)
            raise RequestWrong(
                f"Several steps have the id `{name}`: {listed}. Specify a whole path."
            )
        known = {place.path for place in places} | {place.step.id or "" for place in places}
        listed = ", ".join(f"`{place.path}`" for place in places[:_LISTED])
        more = ", …" if len(places) > _LISTED else ""
        raise RequestWrong(
            f"There is no step `{name}`{did_you_mean(name, known) or '.'} The steps are "
            f"{listed}{more}."
        )

    # Walking

    def _of_workflow(
        self, whole: CalledWorkflow, here: _Here, walk: _Walk
    ) -> Iterator[StepPosition]:
        here = replace(here, document=whole.document)
        block = replace(here.inside("", 0), keys=("steps",))
        yield from self._of_list(whole.calls, whole.workflow.steps, block, walk)
        last = here.inside(f"{FINALLY}/", 1)
        last = replace(last, in_finally=True, keys=("finally",))
        yield from self._of_list(whole.calls, whole.workflow.finally_, last, walk)

    def _of_list(
        self,
        calls: Mapping[str, CalledWorkflow],
        steps: Sequence[TreeStep],
        here: _Here,
        walk: _Walk,
    ) -> Iterator[StepPosition]:
        for number, step in enumerate(steps, start=1):
            path = here.prefix + step.label(number)
            if not walk.passes(path):
                continue
            place = here.place(path, step, number)
            yield place
            inside = here.of_step(place)
            called = calls.get(_called_by(step))
            if called is not None:
                yield from self._of_workflow(called, replace(inside, calls=here.calls + 1), walk)
            for body_number, block in enumerate(step.kind.blocks()):
                keys = (*place.keys, step.kind.key, *getattr(block, "keys", ()))
                for name, order in walk.names(path, block, body_number):
                    within = replace(inside.inside(f"{name}/", order), keys=keys)
                    yield from self._of_list(calls, block.steps, within, walk)


def _called_by(step: TreeStep) -> str:
    """Return the workflow that a step calls; empty for one that calls none."""
    return getattr(step.kind, "workflow", "") if step.kind.key == "call" else ""


def _recorded(definition: Mapping[str, Any]) -> CalledWorkflow:
    if OUTLINE not in definition:
        return _whole(definition)
    calls = {name: _recorded(inside) for name, inside in definition["calls"].items()}
    return CalledWorkflow(recorded_workflow(definition[OUTLINE]), calls)


def _loaded(loaded: LoadedWorkflow) -> CalledWorkflow:
    calls = {name: _loaded(one) for name, one in loaded.calls.items()}
    return CalledWorkflow(loaded.workflow, calls, loaded.document)


def _whole(definition: Mapping[str, Any]) -> CalledWorkflow:
    """Return a recorded workflow with those that it calls; one of before `call` has none."""
    from almaflow.workflow_loader import load_text

    loaded = load_text(definition["text"], definition["file"])
    calls = {name: _whole(inside) for name, inside in definition.get("calls", {}).items()}
    return CalledWorkflow(loaded.workflow, calls, loaded.document)


@dataclass(frozen=True)
class _Here:
    """The position of one list of steps."""

    prefix: str = ""
    order: Order = ()
    around: tuple[StepPosition, ...] = ()
    in_finally: bool = False
    calls: int = 0
    keys: PathTo = ()
    document: Document | None = None

    def place(self, path: str, step: TreeStep, number: int) -> StepPosition:
        """Return the place of the step with this number in the list, from 1."""
        return StepPosition(
            path,
            step,
            (*self.order, number),
            self.around,
            self.in_finally,
            self.calls,
            (*self.keys, number - 1),
            self.document,
        )

    def of_step(self, place: StepPosition) -> _Here:
        """Return the positions of the lists inside a step of this list."""
        around = (*self.around, place)
        return replace(self, prefix=f"{place.path}/", order=place.order, around=around)

    def inside(self, name: str, number: int) -> _Here:
        return replace(self, prefix=self.prefix + name, order=(*self.order, number))


class _Walk:
    """The range of a walk through the steps: all of them, or only those *along* one path.

    *begun* are the paths that say which iterations there are; those on the way count as well.
    """

    def __init__(self, begun: Iterable[str] = (), along: str | None = None) -> None:
        self._along = along
        self._parts: dict[str, set[str]] = {}
        for path in begun:
            parts = path.split("/")
            for length in range(1, len(parts)):
                self._parts.setdefault("/".join(parts[:length]), set()).add(parts[length])

    def passes(self, path: str) -> bool:
        return self._along is None or f"{self._along}/".startswith(f"{path}/")

    def names(self, path: str, block: TreeBlock, number: int) -> Iterator[tuple[str, int]]:
        """Yield the names of the blocks of the step at *path*, with their order."""
        if block.name != ANY:
            yield block.name, number
            return
        begun = sorted(int(one) for one in self._parts.get(path, ()) if one.isdecimal())
        if not begun:
            yield ANY, ANYWHERE
        for iteration in begun:
            yield str(iteration), iteration
