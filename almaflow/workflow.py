"""The language on one page: what a workflow file may say.

The models are the language: the JSON Schema, the checker, `almaflow explain` and the docs are made
from them. A new kind of step is one file in `steps/` and one line in `KINDS`.
"""

import re
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, create_model, model_validator

from almaflow.field_types import (
    Duration,
    Model,
    Number,
    Several,
    Template,
    Text,
    Value,
    Whole,
    refused,
)
from almaflow.model_fields import ModelLater
from almaflow.schedule_entry import ScheduleEntry as ScheduleEntry
from almaflow.steps.added_kinds import added_kinds
from almaflow.steps.base import Kind, KindLater, PollSettings, Retry, StepBase
from almaflow.steps.tree import StepNode, walk
from almaflow.workflow_names import NAME_PATTERN, name_problem

FINALLY = timedelta(minutes=30)
"""What `finally` may take."""

MOST_DECLARED = 500
"""How many inputs, or `vars`, a file may have; each is checked with all those above it."""

KINDS: Mapping[str, str] = {
    "create_set": "almaflow.steps.create_set:CreateSet",
    "update_set": "almaflow.steps.update_set:UpdateSet",
    "find_set": "almaflow.steps.find_set:FindSet",
    "set_members": "almaflow.steps.set_members:SetMembers",
    "delete_set": "almaflow.steps.delete_set:DeleteSet",
    "submit_job": "almaflow.steps.submit_job:SubmitJob",
    "run_profile": "almaflow.steps.run_profile:RunProfile",
    "wait_for_run": "almaflow.steps.wait_for_run:WaitForRun",
    "wait": "almaflow.steps.wait:Wait",
    "branch": "almaflow.steps.branch:Branch",
    "check": "almaflow.steps.check:Check",
    "fail": "almaflow.steps.fail:Fail",
    "stop": "almaflow.steps.stop:Stop",
    "for_each": "almaflow.steps.for_each:ForEach",
    "parallel": "almaflow.steps.parallel:Parallel",
    "call": "almaflow.steps.call:Call",
    "approve": "almaflow.steps.approve:Approve",
    "notify": "almaflow.steps.notify:Notify",
    "get": "almaflow.steps.get:Get",
    "read_report": "almaflow.steps.read_report:ReadReport",
    "fetch_files": "almaflow.steps.fetch_files:FetchFiles",
    "append_file": "almaflow.steps.append_file:AppendFile",
    "csv_rows": "almaflow.steps.csv_rows:CsvRows",
}
"""Every kind of step by its key, in the order of the language: `module:class`.

A kind is imported when a file uses it.
"""


def _import_kind(target: str) -> type[Kind]:
    module, _, name = target.partition(":")
    return _completed(getattr(import_module(module), name))


def _completed(kind: type[Kind]) -> type[Kind]:
    kind.complete(Step)
    return kind


def _make_step() -> type[StepBase]:
    """Return the model of a step: the kinds of `KINDS`, those that other packages add, and what
    is common to all.
    """
    kinds: dict[str, Callable[[], type[Kind]]] = {
        key: partial(_import_kind, target) for key, target in KINDS.items()
    }
    known = KINDS.keys() | StepBase.common_keys()
    kinds |= {key: partial(_completed, kind) for key, kind in added_kinds(known).items()}
    fields: Any = {
        key: (Annotated[Kind | None, KindLater(load)], None) for key, load in kinds.items()
    }
    about = "One step: exactly one of the kinds, and what is common to all."
    return create_model("Step", __base__=StepBase, __module__=__name__, __doc__=about, **fields)


if TYPE_CHECKING:
    Step = StepBase
else:
    Step = _make_step()


def kinds() -> Mapping[str, type[Kind]]:
    """Return every kind of step by its key, in the order of the language; imports all of them."""
    return {
        key: mark.model
        for key, field in Step.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, KindLater)
    }


class Input(Model):
    """A named value that a workflow is run with."""

    foreign: ClassVar[str] = "almaflow.foreign_keys:INPUT"

    type: Literal["string", "integer", "number", "boolean", "date", "list"] = Field(
        default="string", description="The type of the value; `-i name=value` is read as this type."
    )
    description: Text | None = Field(default=None, description="The purpose of the input.")
    default: Value = Field(
        default=None,
        description="The value when none is provided; templates are allowed. Without a "
        "default the input is required, in a timetable too.",
    )
    pattern: Text | None = Field(
        default=None,
        description="A regular expression that must match the whole text, such as "
        "`\\d{4}-\\d{2}`; at most 1,000 characters. It is matched in linear "
        "time by Rust's `regex` crate (docs.rs/regex describes the syntax, "
        "which is close to RE2's). Look-around (`(?=…)`), backreferences "
        "(`\\1`), atomic groups and possessive repetitions are not supported.",
    )
    enum: list[Any] | None = Field(default=None, description="The allowed values.")
    minimum: Number | None = Field(default=None, description="The smallest number allowed.")
    maximum: Number | None = Field(default=None, description="The largest number allowed.")

    @property
    def is_required(self) -> bool:
        """Whether a run must be given a value."""
        return "default" not in self.model_fields_set


Event = Literal[
    "succeeded", "warning", "failed", "cancelled", "recovered",
    "missed", "late", "slow", "stuck", "waiting",
]  # fmt: skip


class NotificationRule(Model):
    """Which channel is notified of which events."""

    foreign: ClassVar[str] = "almaflow.foreign_keys:NOTICE"

    on: Several[Event] = Field(
        description="The events; `failed` includes timed_out and unknown.", min_length=1
    )
    to: Text = Field(default="log", description="A channel of almaflow.yaml, or `log`.")

    @model_validator(mode="before")
    @classmethod
    def _not_a_text(cls, data: Any) -> Any:
        if isinstance(data, str):
            raise refused("wrong_type", _long_notice(data))
        return data


def _long_notice(text: str) -> str:
    """Return what to write instead of *text*, which may be an event, a channel or an address."""
    words = re.split(r"[\s,]+", text.strip())
    if set(words) <= set(typing.get_args(Event)):
        return (
            f"`notify` needs the events and a channel. Write `notify: {{on: [{', '.join(words)}], "
            "to: systems}` with the name of a channel of almaflow.yaml, or `to: log`."
        )
    if "@" in text or "://" in text:
        return (
            f"`notify` needs the events and a channel, and `{text}` is an address. Add it to the "
            "`channels` of almaflow.yaml under a name, such as `systems`, and write `notify: {on: "
            "[failed], to: systems}`."
        )
    return (
        "`notify` needs the events and a channel. If this is the name of a channel, write "
        f"`notify: {{on: [failed], to: {text}}}`. A message during the run is a step, `- notify: "
        f"{{to: systems, message: {text}}}`."
    )


class Defaults(Model):
    """What holds for every step that does not say otherwise."""

    poll: PollSettings = Field(
        # `model_construct` gives the defaults without building the model.
        default=PollSettings.model_construct(),
        description="How often almaflow polls an instance in Alma.",
    )
    timeout: Duration | None = Field(default=None, description="The maximum duration of a step.")
    retry: Annotated[Retry | None, ModelLater(lambda: Retry)] = Field(
        default=None,
        description="Whether and how a step is retried; steps that start a job are retried "
        "only with `on`.",
    )


def _valid_name(name: str | None) -> str | None:
    if name is not None and (why := name_problem(name)):
        raise refused("bad_name", why)
    return name


if TYPE_CHECKING:
    from almaflow.job_trigger import Triggers
else:
    # Few files have `on`: its model is imported for one that does.
    Triggers = Model


def _triggers() -> type[Triggers]:
    from almaflow.job_trigger import Triggers

    return Triggers


class Workflow(Model):
    """A declared sequence of steps with a name, inputs and timetables: one YAML file."""

    shows_values = True
    foreign: ClassVar[str] = "almaflow.foreign_keys:WORKFLOW"

    name: Annotated[
        Text | None,
        AfterValidator(_valid_name),
        Field(
            description="The name of the workflow in commands and reports: at most 100 characters, "
            "the first a letter, a digit or `_`. Default: the file name without its extension.",
            json_schema_extra={"pattern": NAME_PATTERN},
        ),
    ] = None
    description: Text | None = Field(
        default=None, description="The purpose of the workflow, for people."
    )
    institution: Template | None = Field(
        default=None,
        description="An institution of almaflow.yaml; default: its default_institution.",
    )
    environment: Literal["production", "sandbox", "any"] = Field(
        default="any",
        description="The environments in which the workflow may run; it refuses to run in any "
        "other. Default: all.",
    )
    timezone: Text | None = Field(
        default=None, description="An IANA zone, such as Europe/Zurich; default: almaflow.yaml's."
    )
    inputs: dict[str, Annotated[Input, ModelLater(lambda: Input)]] = Field(
        default={},
        max_length=MOST_DECLARED,
        description="Named values with which a run is started.",
    )
    vars: dict[str, Value] = Field(
        default={},
        max_length=MOST_DECLARED,
        description="Named values that are evaluated once, after the inputs; templates are "
        "allowed.",
    )
    schedule: Several[ScheduleEntry] = Field(
        default=[], description="When the workflow runs automatically, under `almaflow serve`."
    )
    on: Annotated[
        Triggers | None,
        ModelLater(_triggers),
        Field(description="What starts the workflow under `almaflow serve`, besides `schedule`."),
    ] = None
    overlap: Literal["queue_one", "queue_all", "skip", "allow"] = Field(
        default="queue_one",
        description="What a tick does while another run of this workflow is unfinished: "
        "`queue_one` (default), `queue_all`, `skip` or `allow`.",
    )
    pause_after: Whole | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Pause the timetable after this number of consecutive runs that did "
        "not succeed; default: never. `almaflow unpause` ends the pause.",
    )
    ping: Text | None = Field(
        default=None,
        description="An entry of `pings` in almaflow.yaml: a dead man's switch that is "
        "notified of the start and the end of each run of the timetable.",
    )
    timeout: Duration = Field(
        default=timedelta(hours=24), description="The maximum duration of a whole run; default 24h."
    )
    defaults: Annotated[Defaults, ModelLater(lambda: Defaults)] = Field(
        default=Defaults.model_construct(), description="Settings for every step."
    )
    steps: list[Step] = Field(description="The steps, in order.", min_length=1)
    finally_: list[Step] = Field(
        default=[],
        alias="finally",
        description="Steps that run after the others have ended, even after a failure, a "
        "timeout or a cancellation; at most 30 minutes.",
    )
    notify: Several[Annotated[NotificationRule, ModelLater(lambda: NotificationRule)]] = Field(
        default=[], description="Who is notified of the outcome of the run."
    )
    outputs: dict[str, Value] = Field(
        default={}, description="The values that a run returns to its caller."
    )

    def missing_inputs(self, given_names: Collection[str]) -> list[str]:
        """Return the inputs without a default that are not among *given_names*."""
        return [
            name
            for name, declared in self.inputs.items()
            if declared.is_required and name not in given_names
        ]

    def all_steps(self) -> Iterator[StepNode]:
        """Yield every step, those inside others and in `finally` included."""
        yield from walk(self.steps, keys=("steps",))
        yield from walk(self.finally_, "finally/", ("finally",))
