"""What a scenario file may say: how a simulated Alma is furnished and what goes wrong in it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from almaflow.alma.simulator.scenario_calls import CALLS as CALLS
from almaflow.alma.simulator.scenario_fields import (
    Duration,
    Few,
    Glob,
    MemberCount,
    MomentField,
    Numbers,
    Part,
    Scoped,
    Start,
    Texts,
    as_texts,
)
from almaflow.alma.simulator.scenario_library import ExtraSet, Library
from almaflow.alma.simulator.scenario_responses import ScenarioResponse
from almaflow.alma.simulator.scenario_webhooks import MOST_WEBHOOKS, Webhook
from almaflow.alma.simulator.switches import AlmaSwitches


class CounterLine(Part):
    """One line of a run's report."""

    type: str = Field(description="The counter's key, such as `label.new.records`.")
    desc: str | None = Field(default=None, description="The counter's label, as people see it.")
    value: str = Field(
        description="The counter's value; `{members}` is replaced by the size of the set."
    )


def _counter_lines(value: Any) -> Any:
    if isinstance(value, dict):
        return [{"type": key, "value": item} for key, item in value.items()]
    return value


_COUNTERS_SCHEMA = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "description": "The counter's key."},
                    "desc": {
                        "type": "string",
                        "description": ("The counter's label, as people see it."),
                    },
                    "value": {"type": ["string", "number"]},
                },
                "required": ["type", "value"],
                "additionalProperties": False,
            },
        },
    ]
}
Counters = Annotated[
    Few[CounterLine], BeforeValidator(_counter_lines), WithJsonSchema(_COUNTERS_SCHEMA)
]


class RunRule(Scoped):
    """How the runs of some jobs go."""

    job: Glob = Field(description="Id or name of the job; `*` matches any characters.")
    nth: Numbers | None = Field(
        default=None,
        description="Which runs of the job this rule applies to, counted from 1, including "
        "runs that other people start (with `refuse`: which submissions). Default: "
        "all. The first matching rule applies.",
    )
    duration: Duration | None = Field(
        default=None, description="Time from submission to end, such as `40m`."
    )
    outcomes: Texts = Field(
        default=(),
        description="Alma's status at the end. A list applies to one run after another; its "
        "last value applies to all further runs. Any code is possible, including "
        "one that Alma does not have.",
    )
    counters: Counters | None = Field(
        default=None, description="The report's counters, as a mapping or a list; `{}` for none."
    )
    counter_lag: Duration | None = Field(
        default=None, description="Time from the end of the run until the counters appear."
    )
    alerts: Texts | None = Field(default=None, description="Codes of the report's alerts.")
    stays_pending: bool | Duration = Field(
        default=False,
        union_mode="left_to_right",
        description="true: the run never starts; a duration: it starts that much later.",
    )
    never_ends: bool = Field(default=False, description="true: the run stays RUNNING forever.")
    running_status: str | None = Field(
        default=None, description="Status that appears instead of RUNNING, such as an unknown code."
    )
    progress: Literal["linear", "zero", "overshoot", "stuck"] = Field(
        default="linear",
        description="`linear`: 0 to 100; `zero`: always 0; `overshoot`: ends at 101.3; `stuck`: "
        "stops at 40 until the end.",
    )
    refuse: str | None = Field(
        default=None,
        description="Error code with which Alma refuses the submission, such as 402222 or 60347.",
    )


class MembersRule(Scoped):
    """How many members sets have whose members Alma works out itself."""

    query: Glob | None = Field(
        default=None, description="Pattern that the logical set's query matches."
    )
    set: Glob | None = Field(default=None, description="Pattern that the set's name matches.")
    count: MemberCount

    @model_validator(mode="after")
    def _something_to_match(self) -> MembersRule:
        if self.query is None and self.set is None:
            raise ValueError("specify which sets with `query` or `set`")
        return self


class FaultKind(StrEnum):
    """What goes wrong with a call."""

    LOSE_ANSWER = "lose_answer"
    """Alma processes the request, but the connection fails before the response."""
    RESET = "reset"
    """The connection fails before Alma processes the request."""
    HANG = "hang"
    """No response ever arrives."""
    STATUS = "status"
    """An HTTP error status; see `status`, `code`, `message`."""
    ROUTING_ERROR = "routing_error"
    """The gateway gave up waiting; Alma continues, and the effect appears after `delay`."""
    HTML = "html"
    """A web page, such as the one of a wrong host or a maintenance window."""
    GARBAGE = "garbage"
    """A body that is neither JSON nor XML."""
    NAN = "nan"
    """JSON with a value that is not a number (NaN)."""
    NESTED = "nested"
    """JSON that is nested 5,000 levels deep."""
    CLOSE = "close"
    """The complete response, with `Connection: close`."""
    TRUNCATED = "truncated"
    """Only half of the body arrives."""
    EMPTY = "empty"
    """Status 200 without a body."""
    DRIP = "drip"
    """The body byte by byte, spread over `delay`."""
    SLOW = "slow"
    """A correct response after `delay`."""
    ERROR_LIST_IN_200 = "error_list_in_200"
    """Status 200 whose body lists an error."""
    UNKNOWN_STATUS_CODE = "unknown_status_code"
    """Instances show `code` as their status."""
    LATE_COUNT = "late_count"
    """Members change, but `number_of_members` shows it only after `delay`."""
    RESET_AFTER = "reset_after"
    """A complete response; then the connection is reset after its last byte."""


class Fault(Scoped):
    """Something that goes wrong with calls to Alma."""

    kind: FaultKind = Field(description="What fails.")
    call: str = Field(
        default="any",
        description="Which calls fail: an endpoint such as `submit`, `create_set` or "
        "`get_instance`, or `read`, `write` or `any`.",
    )
    path: Glob | None = Field(
        default=None, description="Pattern that the path with its query matches."
    )
    nth: Numbers | None = Field(
        default=None, description="Which of these calls fail, counted from 1."
    )
    from_: MomentField | None = Field(
        default=None,
        alias="from",
        description="When the fault begins: `02:00`, `1h`, or a date and time.",
    )
    for_: Duration | None = Field(
        default=None, alias="for", description="How long the fault lasts."
    )
    processed: bool | None = Field(
        default=None,
        description="Whether Alma processes the request despite the fault. Default: depends on "
        "`kind`.",
    )
    status: int | None = Field(default=None, ge=100, le=599, description="HTTP status.")
    code: str | None = Field(default=None, description="Alma's error code or status code.")
    message: str | None = Field(default=None, description="Alma's error text.")
    delay: Duration | None = Field(
        default=None, description="How long the response, or the effect, is delayed."
    )
    another_run: bool = Field(
        default=False,
        description="With `submit`: at the same instant, another API user starts the same job "
        "under the same name, without the brackets at its end.",
    )

    @field_validator("call")
    @classmethod
    def _known_call(cls, value: str) -> str:
        if value not in CALLS:
            raise ValueError(f"{value!r} is not a valid call; use one of {', '.join(CALLS)}")
        return value


class OtherRun(Scoped):
    """A run that another user starts."""

    job: str = Field(description="Id or exact name of the job.")
    at: MomentField = Field(
        description="When the run starts: `10m` after the start of the simulation, `-3d` before "
        "it, `02:00`, or a date and time."
    )
    every: Annotated[Duration, Field(gt=timedelta(0))] | None = Field(
        default=None, description="Interval at which the run is repeated, 10,000 runs at most."
    )
    duration: Duration | None = None
    by: str = Field(
        default="api",
        description="Who starts the run. `api`: another API user; `System`: Alma's scheduler; or a "
        "person's id.",
    )
    name: str | None = Field(default=None, description="Name of the run. Default: the job's name.")
    outcome: str | None = None


def _approval(value: Any) -> Any:
    return value if isinstance(value, dict) else {"answer": value}


class Approval(Part):
    """The answer to an `approve` step."""

    answer: bool
    by: str = "simulator"
    comment: str = ""
    after: Duration | None = Field(default=None, description="How long the reply takes to arrive.")


_APPROVAL_SCHEMA = {
    "anyOf": [
        {"enum": [True, False, "yes", "no"]},
        {
            "type": "object",
            "properties": {
                "answer": {"enum": [True, False, "yes", "no"]},
                "by": {"type": "string", "description": "Who answers."},
                "comment": {"type": "string"},
                "after": {
                    "type": "string",
                    "description": ("How long the reply takes to arrive, such as 2h."),
                },
            },
            "required": ["answer"],
            "additionalProperties": False,
        },
    ]
}
ApprovalField = Annotated[Approval, BeforeValidator(_approval), WithJsonSchema(_APPROVAL_SCHEMA)]


# At least one character that is not a dot, and neither a separator nor a control character.
_FILE_NAME = r"^[^/\\\x00-\x1f\x7f]*[^/\\\x00-\x1f\x7f.][^/\\\x00-\x1f\x7f]*$"
_LONGEST_CONTENT = 1_000_000


class SimulatedFile(Part):
    """A file that `fetch_files` finds."""

    name: str = Field(
        pattern=_FILE_NAME, max_length=255, description="Name of the file, without a folder."
    )
    connection: str | None = Field(
        default=None, description="Connection that has the file. Default: every connection."
    )
    content: str | None = Field(
        default=None,
        max_length=_LONGEST_CONTENT,
        description="Default: a table with the columns that the workflow reads of the file.",
    )
    at: MomentField | None = Field(
        default=None, description="When the file appears. Default: it is always there."
    )


# Analytics shows no more rows of a report itself.
_MOST_ROWS = 65_000


class Report(Scoped):
    """An Alma Analytics report."""

    path: str = Field(
        description="Catalog path of the report, such as `/shared/My Library/Discarded`."
    )
    columns: Few[str]
    rows: Annotated[tuple[Few[str], ...], Field(max_length=_MOST_ROWS)] = ()
    ready_after: Duration | None = Field(
        default=None,
        description="How long Analytics responds without rows before the rows are ready.",
    )
    late_token: bool = Field(
        default=True, description="true: the token arrives with the first rows, not earlier."
    )


class Scenario(Part):
    """How a simulated Alma is furnished, and what happens in it."""

    description: str = ""
    starts_at: Start | None = Field(
        default=None,
        description="Start of the simulated clock, such as 2026-03-02T01:00:00Z. Default: now.",
    )
    everything_exists: bool = Field(
        default=False,
        description="true: everything that the workflow names exists (sets, jobs, profiles, "
        "reports, members), as in a simulation without a scenario; false: only what the built-in "
        "library and this file contain.",
    )
    jobs: Few[RunRule] = Field(default=(), description="How the runs of jobs behave.")
    sets: Few[ExtraSet] = Field(default=(), description="Sets that already exist.")
    library: Library = Field(default_factory=Library, description="Additional jobs and profiles.")
    members: Few[MembersRule] = Field(
        default=(),
        description="Sizes of logical sets and of sets that the API creates. Default: a generated "
        "size, 20 to 5000.",
    )
    unknown_members: Few[Glob] = Field(
        default=(), description="Patterns of barcodes and ids that Alma does not know."
    )
    known_members: Few[Glob] = Field(
        default=(),
        description="Patterns of barcodes and ids that Alma knows, whatever they look like, also "
        "of those in `unknown_members`.",
    )
    faults: Few[Fault] = Field(default=(), description="Faults of calls to Alma.")
    other_runs: Few[OtherRun] = Field(
        default=(), description="Runs that other people or systems start."
    )
    approvals: dict[str, ApprovalField] = Field(
        default_factory=dict, description="Replies to `approve` steps, by step: yes or no."
    )
    files: Few[SimulatedFile] = Field(default=(), description="Files that `fetch_files` can fetch.")
    reports: Few[Report] = Field(default=(), description="Analytics reports.")
    webhooks: Annotated[tuple[Webhook, ...], Field(max_length=MOST_WEBHOOKS)] = Field(
        default=(), description="Listeners that `almaflow simulator` informs when jobs end."
    )
    responses: Few[ScenarioResponse] = Field(
        default=(), description="Responses to reads (`get`) of other resources, such as users."
    )
    alma: AlmaSwitches = Field(
        default_factory=AlmaSwitches, description="Alma's behavior and limits."
    )

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, data: Any) -> Any:
        return as_texts(data)


def parse_scenario(data: Any) -> Scenario:
    """Check the data of a scenario file; nothing at all is a scenario where all goes well.

    Raises:
        pydantic.ValidationError: with every mistake.
    """
    return Scenario.model_validate({} if data is None else data)
