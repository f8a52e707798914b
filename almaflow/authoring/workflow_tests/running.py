"""Playing a test: its situation goes in, and what the run did comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from almaflow.alma.simulator import Scenario
from almaflow.authoring.workflow_tests.models import WorkflowTest, WorkflowTests
from almaflow.check.loader import refuse_link
from almaflow.document import read_document
from almaflow.late_dataclasses import dataclass
from almaflow.model_validation import validate
from almaflow.runs.events import EventKind, Listener, RunEvent
from almaflow.runs.views import RunView
from almaflow.settings import Project
from almaflow.text_files import display_path
from almaflow.workflow_folder import SCENARIO
from almaflow.workflow_loader import LoadedWorkflow

DEFAULT_START = datetime(2026, 1, 5, 2, 0)
"""When a run begins that says nothing of it: always the same, so that tests give the same result
every day. A Monday, in the workflow's time zone."""

# What the path of every resource begins with; workflows and requests leave it out.
_API = "/almaws/v1"


@dataclass(frozen=True)
class Situation:
    """What a test plays: a workflow, the simulated Alma, and the inputs."""

    loaded: LoadedWorkflow
    scenario: Scenario
    start: datetime
    """When the run begins (aware)."""
    inputs: Mapping[str, Any]


class Player(Protocol):
    """Runs a workflow in a situation, in virtual time, to its end."""

    def __call__(self, situation: Situation, listener: Listener) -> RunView:
        """Return what the run did; *listener* receives its events.

        Raises:
            RequestWrong: the run cannot begin, such as with a `vars` that cannot be evaluated.
        """
        ...


@dataclass(frozen=True)
class SentRequest:
    """A request that a run sent; *step* is the path of the step."""

    step: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any

    @property
    def target(self) -> str:
        """The path with what follows `?`."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def parameters(self) -> list[tuple[str, str]]:
        """Return the parameters of a job, in order; empty for other requests."""
        entries = self.body.get("parameter") if isinstance(self.body, dict) else None
        if not isinstance(entries, list):
            return []
        return [(str(one["name"]["value"]), str(one.get("value", ""))) for one in entries]


@dataclass(frozen=True)
class SentMessage:
    """A message to people; *to* is the channel."""

    to: str
    text: str


@dataclass
class Record:
    """Listens to a run and keeps what tests ask for."""

    requests: list[SentRequest] = field(default_factory=list)
    messages: list[SentMessage] = field(default_factory=list)
    began: set[str] = field(default_factory=set)
    """The paths of the steps that began; one whose `if` is false does not."""
    outcomes: dict[str, str] = field(default_factory=dict)
    """The outcome of each step that was reached and has ended, by its path."""
    arms: dict[str, str] = field(default_factory=dict)
    """The arm that each branch took, by the branch's path."""

    def receive(self, event: RunEvent) -> None:
        """Keep *event*."""
        match event.kind:
            case EventKind.REQUEST:
                self.requests.append(_sent(event))
            case EventKind.NOTICE:
                self.messages.append(SentMessage(str(event.data.get("to", "")), event.text))
            case EventKind.BEGAN:
                self.began.add(event.path)
            case EventKind.ENDED:
                self.outcomes[event.path] = str(event.data["outcome"])
            case EventKind.SAID if "arm" in event.data:
                self.arms[event.path] = event.data["arm"]


def _sent(event: RunEvent) -> SentRequest:
    request = event.data["request"]
    query = tuple((str(name), str(value)) for name, value in request["query"])
    path = str(request["path"]).removeprefix(_API)
    return SentRequest(event.path, request["method"], path, query, request["body"])


def scenario_beside(project: Project, loaded: LoadedWorkflow) -> Scenario | None:
    """Return the scenario next to a workflow; None when there is none.

    Raises:
        DocumentsInvalid: it has mistakes, or is a link that leads out of *project*.
    """
    assert loaded.path is not None
    path = loaded.path.with_name(loaded.path.stem + SCENARIO)
    if not path.is_file():
        return None
    return read_scenario(project, path)


def read_scenario(project: Project, path: Path) -> Scenario:
    """Return the scenario in the file at *path*.

    Raises:
        DocumentsInvalid: it has mistakes, or is a link that leads out of *project*.
    """
    refuse_link(project, path, display_path(path))
    return validate(read_document(path, display_path(path), is_data=True), Scenario)


class Situations:
    """The situations of tests; scenarios next to workflows are read once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._scenarios: dict[str, Scenario] = {}

    def of(self, loaded: LoadedWorkflow, tests: WorkflowTests, test: WorkflowTest) -> Situation:
        """Return the situation of *test*.

        Raises:
            DocumentsInvalid: the scenario next to the workflow has mistakes.
        """
        scenario = self._scenarios.get(loaded.document.file)
        if scenario is None:
            scenario = scenario_beside(self._project, loaded) or Scenario(everything_exists=True)
            self._scenarios[loaded.document.file] = scenario
        for part in (tests.scenario, test.scenario):
            if part is not None:
                changes = {name: getattr(part, name) for name in part.model_fields_set}
                scenario = scenario.model_copy(update=changes)
        start = self._start(loaded, tests, test, scenario)
        return Situation(
            loaded,
            scenario.model_copy(update={"starts_at": start}),
            start,
            {**tests.inputs, **test.inputs},
        )

    def _start(
        self, loaded: LoadedWorkflow, tests: WorkflowTests, test: WorkflowTest, scenario: Scenario
    ) -> datetime:
        zone = ZoneInfo(loaded.workflow.timezone or self._project.settings.timezone)
        start = test.at or tests.at or scenario.starts_at or DEFAULT_START
        return (start if start.tzinfo else start.replace(tzinfo=zone)).astimezone(UTC)
