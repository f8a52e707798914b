"""The steps of two revisions of a workflow: which are new, gone, moved or changed.

Steps with an id are the same when their ids are. Others are matched within their list: equal ones
first, then those of one kind that have the most in common.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from almaflow.authoring.revisions.changes import Action, FieldChange, StepChange, field_changes
from almaflow.authoring.revisions.facts import Facts
from almaflow.authoring.revisions.step_facts import StepFacts
from almaflow.late_dataclasses import dataclass

# How much two steps have in common (0 to 1) that count as one that was changed, or renamed.
_ALIKE = 0.5
# More steps than this (pairs) are not compared with each other; they count as new and gone.
_MOST_PAIRS = 250_000


def step_changes(old: Sequence[StepFacts], new: Sequence[StepFacts]) -> tuple[StepChange, ...]:
    """Return the changes of steps: those in the newer revision in its order, then those gone."""
    pairs = _Pairs(old, new)
    return (*_of_new(pairs), *_removed(pairs))


def paired_paths(old: Sequence[StepFacts], new: Sequence[StepFacts]) -> dict[str, str]:
    """Return the path that each step of the older revision has in the newer one."""
    pairs = _Pairs(old, new)
    return {old[one].path: new[other].path for one, other in pairs.new_of.items()}


@dataclass
class _Pairs:
    """Which step of the older revision is which of the newer one, by their places in the file."""

    old: Sequence[StepFacts]
    new: Sequence[StepFacts]

    def __post_init__(self) -> None:
        self.new_of: dict[int, int] = {}
        self.old_of: dict[int, int] = {}
        self._pair_ids()
        # Those around come before those inside, in both lists.
        for number, step in enumerate(self.old):
            if number not in self.new_of and step.id is None:
                self._pair_in_block(number)
        self._pair_renamed()

    def _join(self, one: int, other: int) -> None:
        self.new_of[one], self.old_of[other] = other, one

    def _pair_ids(self) -> None:
        ids = {step.id: number for number, step in enumerate(self.new) if step.id is not None}
        for number, step in enumerate(self.old):
            if step.id is not None and step.id in ids:
                self._join(number, ids[step.id])

    def _pair_in_block(self, number: int) -> None:
        """Pair a step without an id, and all like it in its list, with those of the same list."""
        block, parent = self.old[number].block, self.old[number].parent
        old = [
            place
            for place, step in enumerate(self.old)
            if place not in self.new_of and step.id is None
            if (step.block, step.parent) == (block, parent)
        ]
        new = [
            place
            for place, step in enumerate(self.new)
            if place not in self.old_of and step.id is None and self._same_list(number, place)
        ]
        for one in list(old):
            same = next((it for it in new if self.new[it].facts == self.old[one].facts), None)
            if same is not None:
                self._join(one, same)
                old.remove(one)
                new.remove(same)
        self._pair_alike(old, new, _ALIKE if len(old) > 1 or len(new) > 1 else 0.0)

    def _same_list(self, one: int, other: int) -> bool:
        """Whether a step of the newer revision is in the list of a step of the older one."""
        old, new = self.old[one], self.new[other]
        if old.block != new.block:
            return False
        if old.parent is None or new.parent is None:
            return old.parent is new.parent
        return self.new_of.get(old.parent) == new.parent

    def _pair_renamed(self) -> None:
        """Pair steps whose ids differ, and what is left, by what they have in common."""
        old = [one for one in range(len(self.old)) if one not in self.new_of]
        new = [one for one in range(len(self.new)) if one not in self.old_of]
        self._pair_alike(old, new, _ALIKE)

    def _pair_alike(self, old: Sequence[int], new: Sequence[int], least: float) -> None:
        if len(old) * len(new) > _MOST_PAIRS:
            return
        scored = [
            (-_likeness(self.old[one].facts, self.new[other].facts), one, other)
            for one in old
            for other in new
            if self.old[one].kind == self.new[other].kind
        ]
        for score, one, other in sorted(scored):
            if -score >= least and one not in self.new_of and other not in self.old_of:
                self._join(one, other)


def _likeness(one: Facts, other: Facts) -> float:
    """Return from 0 to 1 how many facts two steps have in common."""
    keys = one.keys() | other.keys()
    return sum(one.get(key) == other.get(key) for key in keys) / len(keys) if keys else 1.0


def _of_new(pairs: _Pairs) -> Iterator[StepChange]:
    moved = set(_moved(pairs))
    for number, step in enumerate(pairs.new):
        before = pairs.old_of.get(number)
        if before is None:
            if step.parent is None or step.parent in pairs.old_of:
                inside = sum(one.path.startswith(f"{step.path}/") for one in pairs.new)
                extra = (FieldChange("steps inside", None, str(inside)),) if inside else ()
                yield _change(Action.ADDED, step, place=_place(pairs.new, number), fields=extra)
            continue
        old = pairs.old[before]
        fields = _fields(old, step)
        action = Action.CHANGED
        if number in moved:
            action = Action.MOVED
        elif old.id != step.id:
            action = Action.RENAMED
        if fields or action is not Action.CHANGED:
            place = _place(pairs.new, number) if action is Action.MOVED else ""
            old_path = old.path if old.path != step.path else ""
            yield _change(action, step, old_path=old_path, place=place, fields=fields)


def _fields(old: StepFacts, new: StepFacts) -> tuple[FieldChange, ...]:
    if old.kind != new.kind:
        return (FieldChange("kind", old.kind, new.kind),)
    return field_changes(old.facts, new.facts)


def _removed(pairs: _Pairs) -> Iterator[StepChange]:
    for number, step in enumerate(pairs.old):
        is_top = step.parent is None or step.parent in pairs.new_of
        if number not in pairs.new_of and is_top:
            yield _change(Action.REMOVED, step)


def _change(
    action: Action,
    step: StepFacts,
    *,
    old_path: str = "",
    place: str = "",
    fields: tuple[FieldChange, ...] = (),
) -> StepChange:
    return StepChange(action, step.path, step.kind, step.line, old_path, place, fields)


def _moved(pairs: _Pairs) -> Iterator[int]:
    """Yield the steps, by their places in the newer revision, that are in another place.

    Of a list, as few as possible count as moved: those outside of the longest run that kept its
    order.
    """
    lists: dict[tuple[int | None, str], list[int]] = {}
    for number, step in enumerate(pairs.new):
        before = pairs.old_of.get(number)
        if before is None:
            continue
        old = pairs.old[before]
        parent = None if old.parent is None else pairs.new_of.get(old.parent, -1)
        if (parent, old.block) != (step.parent, step.block):
            yield number
        else:
            lists.setdefault((step.parent, step.block), []).append(number)
    for numbers in lists.values():
        order = [pairs.old_of[number] for number in numbers]
        kept = set(_longest_rising(order))
        yield from (number for number in numbers if pairs.old_of[number] not in kept)


def _longest_rising(numbers: Iterable[int]) -> list[int]:
    """Return the longest part of different *numbers* that rises, not necessarily in a row."""
    ends: list[int] = []
    chains: list[list[int]] = []
    for number in numbers:
        at = bisect_left(ends, number)
        chain = [*(chains[at - 1] if at else []), number]
        if at == len(ends):
            ends.append(number)
            chains.append(chain)
        else:
            ends[at], chains[at] = number, chain
    return chains[-1] if chains else []


def _place(steps: Sequence[StepFacts], number: int) -> str:
    """Return where a step is in its list, as a clause."""
    step = steps[number]
    before = [one for one in steps[:number] if (one.parent, one.block) == (step.parent, step.block)]
    if before:
        return f"after `{before[-1].label}`"
    if step.parent is not None:
        arm = f", {step.block}" if step.block else ""
        return f"first in `{steps[step.parent].label}`{arm}"
    return f"first in `{step.block}`" if step.block else "first"
