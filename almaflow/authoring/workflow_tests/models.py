"""What a file of tests may say: the situation of each test, and what is expected of the run."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from almaflow.alma.simulator.scenario import Scenario
from almaflow.field_types import Duration, Model, Text, Whole, as_text

MOST_TESTS = 1_000
"""How many tests a file may have; each plays a whole run."""
MOST_EXPECTED = 200
"""How many requests, notifications, steps or outputs a test may expect in one list."""
LONGEST_NAME = 200
_YEARS = range(1900, 2200)


def _as_time(data: Any) -> Any:
    if isinstance(data, datetime):
        return data
    text = as_text(data)
    try:
        instant = datetime.fromisoformat(str(text).strip())
    except ValueError:
        instant = None
    if instant is None or instant.year not in _YEARS:
        raise PydanticCustomError(
            "bad_time",
            "`{text}` is not a date and time from 1900 to 2199. Write one such as "
            "`2026-11-01T02:30`.",
            {"text": str(text)[:60]},
        )
    return instant


LocalTime = Annotated[
    datetime,
    BeforeValidator(_as_time),
    WithJsonSchema({"type": "string", "examples": ["2026-11-01T02:30", "2026-11-01T01:30Z"]}),
]
"""A date with time; without an offset it is one of the workflow's time zone."""

Data = Annotated[Any, WithJsonSchema({})]
"""A value of any type, without templates."""

_METHODS = ("GET", "POST", "PUT", "DELETE")

StepOutcome = Literal[
    "succeeded", "warning", "failed", "skipped", "timed_out", "cancelled", "unknown"
]
RunOutcome = Literal[StepOutcome, "waiting"]

Times = Annotated[
    Whole | None,
    Field(ge=0, le=1_000_000, description="How often it is sent; default: at least once."),
]


class ExpectedStep(Model):
    """How one step is expected to end."""

    foreign: ClassVar[str] = "almaflow.authoring.workflow_tests.foreign_keys:STEP"
    short: ClassVar[str | None] = "outcome"

    outcome: StepOutcome | None = Field(
        default=None, description="The outcome of the step; `skipped` if the run does not reach it."
    )
    error: Text | None = Field(
        default=None, description="A part of the step's error; `*` matches any characters."
    )
    outputs: dict[str, Data] = Field(
        default={},
        max_length=MOST_EXPECTED,
        description="Values of some of its outputs. `*` in a text matches any characters; "
        "`counters` may be a mapping from keys or labels to values.",
    )
    attempts: Whole | None = Field(
        default=None, ge=0, le=100, description="The number of its attempts."
    )


class ExpectedRequest(Model):
    """A request that the run is expected to send to Alma."""

    foreign: ClassVar[str] = "almaflow.authoring.workflow_tests.foreign_keys:REQUEST"
    short: ClassVar[str | None] = "path"

    step: Text | None = Field(default=None, description="The step that sends it: a path or an id.")
    method: Literal["GET", "POST", "PUT", "DELETE"] | None = Field(
        default=None, description="The HTTP method."
    )
    path: Text | None = Field(
        default=None,
        description="The path, with or without `/almaws/v1` and what follows `?`, such as "
        "`/conf/jobs/M157?op=run`; `*` matches any characters.",
    )
    parameters: dict[str, Text] = Field(
        default={},
        max_length=MOST_EXPECTED,
        description="Some of the job's parameters with their values; `*` in a value matches "
        "any characters.",
    )
    set: Text | None = Field(
        default=None,
        description="The set that the job works on: its id, its name (`*` matches any "
        "characters), or the step that created or found it.",
    )
    contains: Text | None = Field(
        default=None, description="A part of the body; `*` matches any characters."
    )
    times: Times = None

    @field_validator("path")
    @classmethod
    def _is_path(cls, path: str | None) -> str | None:
        if path is None or path.startswith(("/", "*")):
            return path
        method, _, rest = path.partition(" ")
        meant = f"{{method: {method}, path: {rest.strip() or '/conf/sets'}}}"
        advice = f"Write `{meant}`." if method.upper() in _METHODS else "Write `/conf/sets`."
        raise PydanticCustomError(
            "bad_value",
            "`{path}` is not a path of Alma's API, which begins with `/`. {advice}",
            {"path": path[:60], "advice": advice},
        )

    @model_validator(mode="after")
    def _describes_something(self) -> ExpectedRequest:
        if self.model_fields_set <= {"times"}:
            raise PydanticCustomError(
                "missing_key",
                "This request is not described. Add `path`, `method`, `step`, `parameters`, "
                "`set` or `contains`.",
            )
        return self


class ExpectedRequests(Model):
    """Which requests the run is expected to send; a list alone is `some`."""

    short: ClassVar[str | None] = "some"

    some: list[ExpectedRequest] = Field(
        default=[], max_length=MOST_EXPECTED, description="Requests that are sent, in any order."
    )
    in_order: list[ExpectedRequest] = Field(
        default=[],
        max_length=MOST_EXPECTED,
        description="Requests that are sent in this order; others may come between.",
    )
    none: list[ExpectedRequest] = Field(
        default=[], max_length=MOST_EXPECTED, description="Requests that are not sent."
    )


class ExpectedNotification(Model):
    """A message that the run is expected to send to people."""

    foreign: ClassVar[str] = "almaflow.authoring.workflow_tests.foreign_keys:NOTIFICATION"
    short: ClassVar[str | None] = "contains"

    to: Text | None = Field(
        default=None, description="The channel, such as `systems`; `*` matches any characters."
    )
    contains: Text | None = Field(
        default=None, description="A part of the message; `*` matches any characters."
    )
    times: Times = None


class ExpectedNotifications(Model):
    """Which messages the run is expected to send; a list alone is `some`."""

    short: ClassVar[str | None] = "some"

    some: list[ExpectedNotification] = Field(
        default=[], max_length=MOST_EXPECTED, description="Messages that are sent, in any order."
    )
    none: list[ExpectedNotification] = Field(
        default=[],
        max_length=MOST_EXPECTED,
        description='Messages that are not sent; `[{to: "*"}]`: no message at all.',
    )


class ExpectedDuration(Model):
    """How long the run is expected to take, in simulated time."""

    short: ClassVar[str | None] = "at_most"

    at_least: Duration | None = Field(default=None, description="The shortest duration.")
    at_most: Duration | None = Field(default=None, description="The longest duration.")


class Expectation(Model):
    """What is expected of the run of a test."""

    foreign: ClassVar[str] = "almaflow.authoring.workflow_tests.foreign_keys:EXPECT"
    short: ClassVar[str | None] = "outcome"

    outcome: RunOutcome = Field(
        default="succeeded",
        description="The outcome of the run; `waiting`: it waits for a person at the end. "
        "Default: succeeded.",
    )
    error: Text | None = Field(
        default=None, description="A part of the run's error; `*` matches any characters."
    )
    steps: dict[str, ExpectedStep] = Field(
        default={},
        max_length=MOST_EXPECTED,
        description="How steps end, by their paths or ids; `lists/*/export`: the step in "
        "every iteration, `lists/2/export`: in the second.",
    )
    branches: dict[str, Text] = Field(
        default={},
        max_length=MOST_EXPECTED,
        description="The arm that a `branch` takes, by its path or id: a case such as "
        "`COMPLETED_WARNING`, `default`, or `none` if the branch is not reached.",
    )
    requests: ExpectedRequests = Field(
        default=ExpectedRequests(), description="The requests that are sent to Alma."
    )
    notifications: ExpectedNotifications = Field(
        default=ExpectedNotifications(), description="The messages that are sent to people."
    )
    duration: ExpectedDuration = Field(
        default=ExpectedDuration(), description="The bounds of the run's duration."
    )
    outputs: dict[str, Data] = Field(
        default={},
        max_length=MOST_EXPECTED,
        description="Values of some of the workflow's outputs; `*` in a text matches any "
        "characters.",
    )


class WorkflowTest(Model):
    """One test: a run of the workflow in a simulated situation."""

    foreign: ClassVar[str] = "almaflow.authoring.workflow_tests.foreign_keys:TEST"

    name: Text = Field(
        min_length=1,
        max_length=LONGEST_NAME,
        description="What the test shows, as people say it; unique in the file.",
    )
    at: LocalTime | None = Field(
        default=None,
        description="When the run begins, in the workflow's time zone. Default: the file's "
        "`at`, else the scenario's `starts_at`, else 2026-01-05T02:00.",
    )
    inputs: dict[str, Data] = Field(
        default={}, description="Values of inputs, in addition to the file's and in place of them."
    )
    scenario: Scenario | None = Field(
        default=None,
        description="What the simulated Alma contains and does: the keys of a scenario. Each "
        "replaces the same key of the file's `scenario`.",
    )
    expect: Expectation = Field(default=Expectation(), description="What is expected of the run.")


class WorkflowTests(Model):
    """Tests of one workflow: `tests/<workflow>.tests.yaml`, or the same without the folder.

    `almaflow test` plays each test on the simulator, in virtual time; nothing is sent. Without a
    `<workflow>.scenario.yaml`, everything that the workflow names exists.
    """

    shows_values = True
    example: ClassVar[str] = """\
at: 2026-11-01T02:30
tests:
  - name: the items are withdrawn
    expect:
      steps: {withdraw: {outputs: {counters: {c.jobs.withdraw.failed: 0}}}}
      requests: [{path: /conf/jobs/M157?op=run, set: discarded}]
  - name: too many items stop the run before the job
    inputs: {limit: 2}
    expect:
      outcome: failed
      error: at most 2 expected
      requests: {none: [{path: /conf/jobs/M157?op=run}]}
  - name: a job that fails is reported
    scenario:
      jobs: [{job: M157, duration: 20m, outcomes: COMPLETED_FAILED}]
    expect:
      outcome: failed
      steps: {withdraw: failed, finally/delete_set-1: skipped}
      notifications: [{to: log, contains: withdraw-items}]
"""

    workflow: Text | None = Field(
        default=None,
        description="The workflow's file, relative to this one. Default: the file with the "
        "same name without `.tests`.",
    )
    at: LocalTime | None = Field(default=None, description="When the runs of all tests begin.")
    inputs: dict[str, Data] = Field(default={}, description="Values of inputs for all tests.")
    scenario: Scenario | None = Field(
        default=None,
        description="What the simulated Alma contains and does in all tests. Each key "
        "replaces the same key of `<workflow>.scenario.yaml`.",
    )
    tests: list[WorkflowTest] = Field(min_length=1, max_length=MOST_TESTS, description="The tests.")
