"""What a simulated run sends, by step: what `almaflow plan` and the page show before a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace
from typing import Any
from urllib.parse import urlencode

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.redaction import REDACTION
from almaflow.runs.events import EventKind, RunEvent
from almaflow.runs.step_tree import StepTree
from almaflow.visible import json_text, one_line


@dataclass
class PlannedRequest:
    """One planned request, with secrets as names; *times* counts equal ones in a row."""

    name: str
    request: dict[str, Any]
    times: int = 1


@dataclass
class PlannedStep:
    """A step of the plan. If *on_path* is false, the run does not reach it and nothing is sent."""

    path: str
    kind: str
    on_path: bool = False
    outcome: str = Outcome.SKIPPED.value
    error: str = ""
    requests: list[PlannedRequest] = field(default_factory=list)


class Recorder:
    """Listens to a simulated run and keeps what each step sent."""

    def __init__(self) -> None:
        self._heard: dict[str, PlannedStep] = {}

    def receive(self, event: RunEvent) -> None:
        step = self._heard.setdefault(event.path, PlannedStep(event.path, ""))
        if event.kind is EventKind.BEGAN:
            step.on_path = True
        elif event.kind is EventKind.ENDED:
            step.outcome, step.error = event.data["outcome"], event.text
        elif event.kind is EventKind.REQUEST:
            last = step.requests[-1] if step.requests else None
            if last is not None and last.request == event.data["request"]:
                last.times += 1
            else:
                step.requests.append(PlannedRequest(event.text, event.data["request"]))

    def steps(self, plan: Plan) -> list[PlannedStep]:
        """Return every step in the order of the file, each started iteration separately."""
        nothing = PlannedStep("", "")
        return [
            replace(self._heard.get(one.path, nothing), path=one.path, kind=one.step.kind.key)
            for one in StepTree.of(plan).of_iterations(self._heard)
        ]


def request_lines(request: PlannedRequest) -> Iterator[str]:
    """Yield the lines that show a request to people, secrets as stars."""
    query = urlencode([(name, value) for name, value in request.request["query"]])
    target = request.request["path"] + (f"?{query}" if query else "")
    times = f"   ({request.times} times)" if request.times > 1 else ""
    yield f"    {request.request['method']} {one_line(REDACTION.text(target))}{times}"
    body = request.request["body"]
    if body:
        rendered = json_text(REDACTION.data(_shortened(body)), indent=2)
        yield from (f"      {line}" for line in rendered.splitlines())


def _shortened(body: Any) -> Any:
    """Return a body for people: one parameter a line, and the number of members.

    Members come from files, and many people can read the logs to which a plan is printed.
    """
    if "parameter" in body:
        return [f"{one['name']['value']} = {one['value']}" for one in body["parameter"]]
    if "members" in body:
        count = len(body["members"]["member"])
        return {"members": f"{count:,} {'member' if count == 1 else 'members'}"}
    return body
