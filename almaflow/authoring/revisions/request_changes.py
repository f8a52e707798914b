"""What two revisions of a workflow would send, on the path that a simulated run takes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from almaflow.authoring.revisions.changes import Action, FieldChange, RequestChange, field_changes
from almaflow.authoring.revisions.facts import Facts, facts_of
from almaflow.authoring.workflow_tests.comparing import outcome_of
from almaflow.authoring.workflow_tests.running import Player, Record, SentRequest, Situation
from almaflow.authoring.workflow_tests.step_names import any_iteration
from almaflow.late_dataclasses import dataclass
from almaflow.runs.views import RunView

# The mark that almaflow puts into the name of a job, made from the run and the step.
_MARKER = re.compile(r" \[af-[0-9a-f]+\]")
# Longer lists in a body (entries) are shown as their number.
_LONGEST_LIST = 20


@dataclass(frozen=True)
class PlannedRequest:
    """A request that a run sends, without ids that differ from run to run."""

    target: str
    """The method, the path and what follows `?`."""
    facts: Facts
    """Its parameters, or what is in its body, by key."""
    order: tuple[str, ...]
    """The names of its parameters."""
    times: int


@dataclass(frozen=True)
class PlannedRun:
    """What a simulated run sends, by the path of the step with `*` for iterations."""

    outcome: str
    error: str
    requests: Mapping[str, Sequence[PlannedRequest]]


def planned_run(situation: Situation, play: Player) -> PlannedRun:
    """Play a run and return what it sends; Raises: RequestWrong when it cannot begin."""
    record = Record()
    view = play(situation, record)
    shown = _Shown(view)
    by_step: dict[str, dict[tuple[str, str], PlannedRequest]] = {}
    for sent in record.requests:
        one = _planned(sent, shown)
        found = by_step.setdefault(any_iteration(sent.step), {})
        key = (one.target, json.dumps([one.facts, one.order]))
        # How often something is polled follows from durations, which are invented.
        counts = sent.method != "GET"
        times = found[key].times + counts if key in found else 1
        found[key] = PlannedRequest(one.target, one.facts, one.order, times)
    requests = {step: list(found.values()) for step, found in by_step.items()}
    return PlannedRun(outcome_of(view), shown.text(view.error), requests)


class _Shown:
    """Puts names in the place of ids that Alma gives while a run is simulated."""

    def __init__(self, view: RunView) -> None:
        self._names = {view.id: "<run id>"}
        for step in view.steps:
            for key, what in (("set_id", "set"), ("instance_id", "run")):
                identifier = step.outputs.get(key)
                if isinstance(identifier, str) and identifier:
                    name = step.outputs.get("name") if key == "set_id" else step.path
                    self._names.setdefault(identifier, f"<{what} {name or step.path}>")
        ordered = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered)))

    def text(self, text: str) -> str:
        """Return *text* with names for ids, until no id is left in it."""
        text = _MARKER.sub("", text)
        for _ in range(2):
            # The name of a set may have the id of the run in it.
            text = self._pattern.sub(lambda match: self._names[match[0]], text)
        return text


def _planned(sent: SentRequest, shown: _Shown) -> PlannedRequest:
    target = shown.text(f"{sent.method} {sent.target}")
    parameters = sent.parameters()
    facts: Facts = {}
    if parameters:
        for name, value in parameters:
            key, number = name, 2
            while key in facts:
                key, number = f"{name} ({number})", number + 1
            facts[key] = shown.text(value)
    elif sent.body is not None:
        body = _short(sent.body)
        facts = {key: shown.text(text) for key, text in facts_of(body, "body").items()}
    return PlannedRequest(target, facts, tuple(facts) if parameters else (), 1)


def _short(body: Any) -> Any:
    """Return *body* with long lists as their lengths and what tells them apart."""
    match body:
        case dict():
            return {key: _short(value) for key, value in body.items()}
        case list() if len(body) > _LONGEST_LIST:
            digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:6]
            return f"{len(body)} entries ({digest})"
        case list():
            return [_short(value) for value in body]
    return body


def request_changes(
    old: PlannedRun, new: PlannedRun, paths: Mapping[str, str]
) -> tuple[RequestChange, ...]:
    """Return how the requests of two runs differ, step by step in the order of the newer one.

    *paths* are the paths that steps of the older revision have in the newer one.
    """
    moved = {_new_path(path, paths): requests for path, requests in old.requests.items()}
    steps = dict.fromkeys([*new.requests, *moved])
    return tuple(
        change
        for step in steps
        for change in _of_step(step, moved.get(step, ()), new.requests.get(step, ()))
    )


def _new_path(path: str, paths: Mapping[str, str]) -> str:
    """Return the path in the newer revision; what is in a called workflow keeps its rest."""
    head, rest = path, ""
    while head:
        if head in paths:
            return paths[head] + rest
        head, slash, last = head.rpartition("/")
        rest = f"{slash}{last}{rest}"
    return path


def _of_step(
    step: str, old: Sequence[PlannedRequest], new: Sequence[PlannedRequest]
) -> Iterator[RequestChange]:
    left = list(old)
    unmatched: list[PlannedRequest] = []
    for one in new:
        same = next((it for it in left if it == one), None)
        if same is None:
            unmatched.append(one)
        else:
            left.remove(same)
    for one in unmatched:
        like = next((it for it in left if it.target == one.target), None)
        if like is None:
            facts = tuple(FieldChange(key, None, text) for key, text in one.facts.items())
            yield RequestChange(Action.ADDED, step, one.target, facts)
        else:
            left.remove(like)
            yield RequestChange(Action.CHANGED, step, one.target, tuple(_fields(like, one)))
    for one in left:
        yield RequestChange(Action.REMOVED, step, one.target)


def _fields(old: PlannedRequest, new: PlannedRequest) -> Iterator[FieldChange]:
    yield from field_changes(old.facts, new.facts)
    if old.order != new.order and sorted(old.order) == sorted(new.order):
        yield FieldChange("order of the parameters", ", ".join(old.order), ", ".join(new.order))
    if old.times != new.times:
        yield FieldChange("times", str(old.times), str(new.times))
