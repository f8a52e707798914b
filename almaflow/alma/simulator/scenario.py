"""What a scenario file may say: how a simulated Alma is furnished and what goes wrong in it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

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
)
from almaflow.alma.simulator.scenario_library import ExtraSet, Library
from almaflow.alma.simulator.switches import AlmaSwitches


class CounterLine(Part):
    """One line of a run's report."""

    type: str = Field(description="The counter's key, such as `label.new.records`.")
    desc: str | None = Field(default=None, description="Its label for people.")
    value: str = Field(description="Its value; `{members}` stands for the set's size.")


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
                    "desc": {"type": "string", "description": "Its label for people."},
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

    job: Glob = Field(description="Id or name of the job; `*` stands for any characters.")
    nth: Numbers | None = Field(
        default=None,
        description="Which runs of the job this is for, counted from 1, whoever starts them (with "
        "`refuse`: which submissions). Default: all. The first rule that fits counts.",
    )
    duration: Duration | None = Field(
        default=None, description="From submission to end, such as `40m`."
    )
    outcomes: Texts = Field(
        default=(),
        description="Alma's status at the end; a list is used in turn, its last for all further "
        "runs. Any code is possible, also one that Alma does not have.",
    )
    counters: Counters | None = Field(
        default=None, description="The report's counters, as a mapping or a list; `{}`: none."
    )
    counter_lag: Duration | None = Field(
        default=None, description="How long after the end the counters arrive."
    )
    alerts: Texts | None = Field(default=None, description="Codes of the report's alerts.")
    stays_pending: bool | Duration = Field(
        default=False,
        union_mode="left_to_right",
        description="true: never starts; a duration: starts that much later.",
    )
    never_ends: bool = Field(default=False, description="Stays RUNNING for ever.")
    running_status: str | None = Field(
        default=None, description="Shown instead of RUNNING, such as a code nobody knows."
    )
    progress: Literal["linear", "zero", "overshoot", "stuck"] = Field(
        default="linear",
        description="`linear`: 0 to 100; `zero`: always 0; `overshoot`: ends at 101.3; `stuck`: "
        "stops at 40 until the end.",
    )
    refuse: str | None = Field(
        default=None, description="Error code that refuses the submission, such as 402222 or 60347."
    )


class MembersRule(Scoped):
    """How many members sets have whose members Alma works out itself."""

    query: Glob | None = Field(default=None, description="Pattern of the logical set's query.")
    set: Glob | None = Field(default=None, description="Pattern of the set's name.")
    count: MemberCount

    @model_validator(mode="after")
    def _something_to_match(self) -> MembersRule:
        if self.query is None and self.set is None:
            raise ValueError("say which sets: `query` or `set`")
        return self


class FaultKind(StrEnum):
    """What goes wrong with a call."""

    LOSE_ANSWER = "lose_answer"
    """Processed, but the connection dies before the answer."""
    RESET = "reset"
    """The connection dies before anything is processed."""
    HANG = "hang"
    """No answer ever comes."""
    STATUS = "status"
    """An HTTP error status; see `status`, `code`, `message`."""
    ROUTING_ERROR = "routing_error"
    """The gateway gave up waiting; the work goes on, and shows after `delay`."""
    HTML = "html"
    """A page for people, as a wrong host or a maintenance window shows it."""
    GARBAGE = "garbage"
    """A body that is neither JSON nor XML."""
    NAN = "nan"
    """JSON with a number that is none."""
    NESTED = "nested"
    """JSON that is nested 5,000 levels deep."""
    CLOSE = "close"
    """The whole answer, with `Connection: close`."""
    TRUNCATED = "truncated"
    """Half the body."""
    EMPTY = "empty"
    """Status 200 without a body."""
    DRIP = "drip"
    """The body byte by byte, spread over `delay`."""
    SLOW = "slow"
    """A good answer after `delay`."""
    ERROR_LIST_IN_200 = "error_list_in_200"
    """Status 200 whose body lists an error."""
    UNKNOWN_STATUS_CODE = "unknown_status_code"
    """Instances show `code` as their status."""
    LATE_COUNT = "late_count"
    """Members change, but `number_of_members` shows it only after `delay`."""
    RESET_AFTER = "reset_after"
    """A good answer, then the connection dies right behind its last byte."""


class Fault(Scoped):
    """Something that goes wrong with calls to Alma."""

    kind: FaultKind = Field(description="What goes wrong.")
    call: str = Field(
        default="any",
        description="Which calls: `submit`, `create_set`, `get_instance` …, `read`, `write`, any.",
    )
    path: Glob | None = Field(default=None, description="Pattern of the path and query too.")
    nth: Numbers | None = Field(default=None, description="Which of these calls, from 1.")
    from_: MomentField | None = Field(
        default=None, alias="from", description="When it begins: `02:00`, `1h`, or an instant."
    )
    for_: Duration | None = Field(default=None, alias="for", description="How long it lasts.")
    processed: bool | None = Field(
        default=None, description="Whether Alma does the work all the same. Default: by kind."
    )
    status: int | None = Field(default=None, ge=100, le=599, description="HTTP status.")
    code: str | None = Field(default=None, description="Alma's error or status code.")
    message: str | None = Field(default=None, description="Alma's error text.")
    delay: Duration | None = Field(default=None, description="How slow, or how much later.")
    another_run: bool = Field(
        default=False,
        description="With `submit`: at that instant another API user starts the same job under the "
        "same name, without what is in brackets at its end.",
    )

    @field_validator("call")
    @classmethod
    def _known_call(cls, value: str) -> str:
        if value not in CALLS:
            raise ValueError(f"there is no call {value!r}; there are {', '.join(CALLS)}")
        return value


# What a fault's `call` may name; the router's endpoints, and groups of them.
CALLS = (
    "any", "read", "write",
    "list_jobs", "get_job", "submit", "list_instances", "get_instance", "list_events",
    "list_matches", "download",
    "list_sets", "create_set", "get_set", "update_set", "delete_set", "list_members",
    "edit_members", "add_members", "delete_members", "replace_members",
    "list_integration_profiles", "get_integration_profile",
    "list_import_profiles", "get_import_profile", "run_import_profile",
    "list_code_tables", "get_code_table", "test", "general", "read_report",
)  # fmt: skip


class OtherRun(Scoped):
    """A run that somebody else starts."""

    job: str = Field(description="Id or exact name of the job.")
    at: MomentField = Field(description="When: `10m` after the start, `02:00`, or an instant.")
    every: Annotated[Duration, Field(gt=timedelta(0))] | None = Field(
        default=None, description="Again and again at this distance, 10,000 runs at most."
    )
    duration: Duration | None = None
    by: str = Field(
        default="api", description="`api`: another API user; `System`: the timer; or a person's id."
    )
    name: str | None = Field(default=None, description="Default: the job's name.")
    outcome: str | None = None


def _approval(value: Any) -> Any:
    return value if isinstance(value, dict) else {"answer": value}


class Approval(Part):
    """The answer to an `approve` step."""

    answer: bool
    by: str = "simulator"
    comment: str = ""
    after: Duration | None = Field(default=None, description="How long it takes to come.")


_APPROVAL_SCHEMA = {
    "anyOf": [
        {"enum": [True, False, "yes", "no"]},
        {
            "type": "object",
            "properties": {
                "answer": {"enum": [True, False, "yes", "no"]},
                "by": {"type": "string", "description": "Who answers."},
                "comment": {"type": "string"},
                "after": {"type": "string", "description": "How long it takes to come: 2h."},
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

    name: str = Field(pattern=_FILE_NAME, max_length=255, description="Its name, without a folder.")
    connection: str | None = Field(default=None, description="Default: in every connection.")
    content: str = Field(default="", max_length=_LONGEST_CONTENT)
    at: MomentField | None = Field(default=None, description="When it is there. Default: always.")


# Analytics shows no more rows of a report itself.
_MOST_ROWS = 65_000


class Report(Scoped):
    """An Alma Analytics report."""

    path: str = Field(description="Its catalogue path, such as `/shared/My Library/Discarded`.")
    columns: Few[str]
    rows: Annotated[tuple[Few[str], ...], Field(max_length=_MOST_ROWS)] = ()
    ready_after: Duration | None = Field(
        default=None, description="How long Analytics answers without rows before it has them."
    )
    late_token: bool = Field(
        default=False, description="true: the token comes with the first rows, not before."
    )


class Scenario(Part):
    """How a simulated Alma is furnished, and what happens in it."""

    description: str = ""
    starts_at: Start | None = Field(
        default=None,
        description="The simulated clock's start, such as 2026-03-02T01:00:00Z. Default: now.",
    )
    everything_exists: bool = Field(
        default=False,
        description="true: whatever the workflow names exists (sets, jobs, profiles, reports, "
        "members), as in a simulation without a scenario; false: only what the built-in library "
        "and this file have.",
    )
    jobs: Few[RunRule] = Field(default=(), description="How the runs of jobs go.")
    sets: Few[ExtraSet] = Field(default=(), description="Sets that are already there.")
    library: Library = Field(default_factory=Library, description="Further jobs and profiles.")
    members: Few[MembersRule] = Field(
        default=(), description="Sizes of logical and made sets; otherwise made up, 20 to 5000."
    )
    unknown_members: Few[Glob] = Field(
        default=(), description="Barcodes and ids (patterns) that Alma does not know."
    )
    faults: Few[Fault] = Field(default=(), description="What goes wrong with calls.")
    other_runs: Few[OtherRun] = Field(default=(), description="Runs others start.")
    approvals: dict[str, ApprovalField] = Field(
        default_factory=dict, description="Answers to `approve` steps, by step: yes or no."
    )
    files: Few[SimulatedFile] = Field(default=(), description="Files to be fetched.")
    reports: Few[Report] = Field(default=(), description="Analytics reports.")
    alma: AlmaSwitches = Field(
        default_factory=AlmaSwitches, description="Alma's habits and limits."
    )

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, data: Any) -> Any:
        return _unwrapped(data)


def _unwrapped(data: Any) -> Any:
    """Replace values that know how they were written (`text`, `value`) by their text."""
    if isinstance(data, dict):
        return {key: _unwrapped(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_unwrapped(value) for value in data]
    if hasattr(data, "text") and hasattr(data, "value"):
        return None if data.value is None and data.text in _NOTHING else data.text
    return data


_NOTHING = ("", "~", "null", "Null", "NULL")


def parse_scenario(data: Any) -> Scenario:
    """Check the data of a scenario file; nothing at all is a scenario where all goes well.

    Raises:
        pydantic.ValidationError: with every mistake.
    """
    return Scenario.model_validate({} if data is None else data)
