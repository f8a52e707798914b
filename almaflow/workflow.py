"""The language on one page: what a workflow file may say.

The models are the language: the JSON Schema, the checker, `almaflow explain` and the docs are made
from them. A new kind of step is one file in `steps/` and one line in `Step`.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from importlib import metadata
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from almaflow.field_types import Duration, Model, Number, Several, Template, Text, Value, Whole
from almaflow.schedule_entry import ScheduleEntry as ScheduleEntry
from almaflow.steps.append_file import AppendFile
from almaflow.steps.approve import Approve
from almaflow.steps.base import Kind, PollSettings, Retry, StepBase, UsedKind
from almaflow.steps.branch import Branch
from almaflow.steps.call import Call
from almaflow.steps.check import Check
from almaflow.steps.create_set import CreateSet
from almaflow.steps.csv_rows import CsvRows
from almaflow.steps.delete_set import DeleteSet
from almaflow.steps.fail import Fail
from almaflow.steps.fetch_files import FetchFiles
from almaflow.steps.find_set import FindSet
from almaflow.steps.for_each import ForEach
from almaflow.steps.get import Get
from almaflow.steps.notify import Notify
from almaflow.steps.parallel import Parallel
from almaflow.steps.read_report import ReadReport
from almaflow.steps.run_profile import RunProfile
from almaflow.steps.set_members import SetMembers
from almaflow.steps.stop import Stop
from almaflow.steps.submit_job import SubmitJob
from almaflow.steps.tree import StepNode, walk
from almaflow.steps.update_set import UpdateSet
from almaflow.steps.wait import Wait
from almaflow.steps.wait_for_run import WaitForRun
from almaflow.workflow_names import NAME_PATTERN, name_problem

FINALLY = timedelta(minutes=30)
"""What `finally` may take."""

MOST_DECLARED = 500
"""How many inputs, or `vars`, a file may have; each is checked with all those above it."""

ENTRY_POINTS = "almaflow.steps"
"""The entry-point group by which another package adds kinds."""


class BuiltInStep(StepBase):
    """One step: exactly one of the kinds, and what is common to all."""

    create_set: UsedKind[CreateSet] = None
    update_set: UsedKind[UpdateSet] = None
    find_set: UsedKind[FindSet] = None
    set_members: UsedKind[SetMembers] = None
    delete_set: UsedKind[DeleteSet] = None
    submit_job: UsedKind[SubmitJob] = None
    run_profile: UsedKind[RunProfile] = None
    wait_for_run: UsedKind[WaitForRun] = None
    wait: UsedKind[Wait] = None
    branch: UsedKind[Branch] = None
    check: UsedKind[Check] = None
    fail: UsedKind[Fail] = None
    stop: UsedKind[Stop] = None
    for_each: UsedKind[ForEach] = None
    parallel: UsedKind[Parallel] = None
    call: UsedKind[Call] = None
    approve: UsedKind[Approve] = None
    notify: UsedKind[Notify] = None
    get: UsedKind[Get] = None
    read_report: UsedKind[ReadReport] = None
    fetch_files: UsedKind[FetchFiles] = None
    append_file: UsedKind[AppendFile] = None
    csv_rows: UsedKind[CsvRows] = None


def _kinds_of(step: type[StepBase]) -> dict[str, type[Kind]]:
    """Return the kinds among the fields of *step*."""
    return {
        name: kind
        for name, field in step.model_fields.items()
        for kind in typing.get_args(field.annotation)
        if isinstance(kind, type) and issubclass(kind, Kind)
    }


def _entry_points() -> Iterable[metadata.EntryPoint]:
    """Return the kinds that other packages add.

    Almost never is there one, and parsing the entry points of every installed package takes longer
    than searching their text for the group.
    """
    texts = (one.read_text("entry_points.txt") for one in metadata.distributions())
    if not any(ENTRY_POINTS in text for text in texts if text):
        return ()
    return metadata.entry_points(group=ENTRY_POINTS)


def _with_entry_points(step: type[BuiltInStep]) -> type[BuiltInStep]:
    """Return *step* with the kinds that other installed packages add."""
    added: dict[str, Any] = {}
    for entry in _entry_points():
        kind = entry.load()
        if kind.key in step.model_fields or kind.key in added:
            raise ImportError(
                f"The package of {entry.value} adds a step kind named `{kind.key}`, which "
                "already exists. Uninstall one of the two packages."
            )
        added[kind.key] = (UsedKind[kind], None)  # type: ignore[misc, valid-type]
    return (
        cast("type[BuiltInStep]", create_model("Step", __base__=step, **added)) if added else step
    )


if TYPE_CHECKING:
    Step = BuiltInStep
else:
    Step = _with_entry_points(BuiltInStep)
    # Kinds that hold steps name the union before it exists.
    for _kind in _kinds_of(Step).values():
        if _kind.composite:
            _kind.model_rebuild(_types_namespace={"Step": Step})
Parallel.named = list[Step]


def kinds() -> Mapping[str, type[Kind]]:
    """Return every kind of step by its key, in the order of the language."""
    return _kinds_of(Step)


class Input(Model):
    """A named value that a workflow is run with."""

    type: Annotated[
        Literal["string", "integer", "number", "boolean", "date", "list"],
        Field(description="The type of the value; `-i name=value` is read as this type."),
    ] = "string"
    description: Annotated[Text | None, Field(description="The purpose of the input.")] = None
    default: Annotated[
        Value,
        Field(
            description="The value when none is provided; templates are allowed. Without a "
            "default the input is required, in a timetable too."
        ),
    ] = None
    pattern: Annotated[
        Text | None,
        Field(
            description="A regular expression that must match the whole text, such as "
            "`\\d{4}-\\d{2}`; at most 1,000 characters. It is matched in linear "
            "time by Rust's `regex` crate (docs.rs/regex describes the syntax, "
            "which is close to RE2's). Look-around (`(?=…)`), backreferences "
            "(`\\1`), atomic groups and possessive repetitions are not supported."
        ),
    ] = None
    enum: Annotated[list[Any] | None, Field(description="The allowed values.")] = None
    minimum: Annotated[Number | None, Field(description="The smallest number allowed.")] = None
    maximum: Annotated[Number | None, Field(description="The largest number allowed.")] = None

    @property
    def is_required(self) -> bool:
        """Whether a run must be given a value."""
        return "default" not in self.model_fields_set


Event = Literal[
    "succeeded",
    "warning",
    "failed",
    "cancelled",
    "recovered",
    "missed",
    "late",
    "slow",
    "stuck",
    "waiting",
]


class Notice(Model):
    """Which channel is notified of which events."""

    on: Annotated[
        Several[Event],
        Field(description="The events; `failed` includes timed_out and unknown.", min_length=1),
    ]
    to: Annotated[Text, Field(description="A channel of almaflow.yaml, or `log`.")] = "log"

    @model_validator(mode="before")
    @classmethod
    def _not_a_text(cls, data: Any) -> Any:
        if isinstance(data, str):
            raise PydanticCustomError("wrong_type", "{why}", {"why": _long_notice(data)})
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

    poll: Annotated[
        PollSettings, Field(description=("How often almaflow polls an instance in Alma."))
    ] = PollSettings()
    timeout: Annotated[Duration | None, Field(description="The maximum duration of a step.")] = None
    retry: Annotated[
        Retry | None,
        Field(
            description=(
                "Whether and how a step is retried; steps that start a job are retried only with "
                "`on`."
            )
        ),
    ] = None


def _valid_name(name: str | None) -> str | None:
    if name is not None and (why := name_problem(name)):
        raise PydanticCustomError("bad_name", "{why}", {"why": why})
    return name


class Workflow(Model):
    """A declared sequence of steps with a name, inputs and timetables: one YAML file."""

    name: Annotated[
        Text | None,
        AfterValidator(_valid_name),
        Field(
            description="The name of the workflow in commands and reports: at most 100 "
            "characters, the first a letter, a digit or `_`. Default: the file "
            "name without its extension.",
            json_schema_extra={"pattern": NAME_PATTERN},
        ),
    ] = None
    description: Annotated[
        Text | None, Field(description=("The purpose of the workflow, for people."))
    ] = None
    institution: Annotated[
        Template | None,
        Field(description="An institution of almaflow.yaml; default: its default_institution."),
    ] = None
    environment: Annotated[
        Literal["production", "sandbox", "any"],
        Field(
            description=(
                "The environments in which the workflow may run; it refuses to run in any other. "
                "Default: all."
            )
        ),
    ] = "any"
    timezone: Annotated[
        Text | None,
        Field(description="An IANA zone, such as Europe/Zurich; default: almaflow.yaml's."),
    ] = None
    inputs: Annotated[
        dict[str, Input],
        Field(max_length=MOST_DECLARED, description="Named values with which a run is started."),
    ] = {}
    vars: Annotated[
        dict[str, Value],
        Field(
            max_length=MOST_DECLARED,
            description=(
                "Named values that are evaluated once, after the inputs; templates are allowed."
            ),
        ),
    ] = {}
    schedule: Annotated[
        Several[ScheduleEntry],
        Field(description=("When the workflow runs automatically, under `almaflow serve`.")),
    ] = []
    overlap: Annotated[
        Literal["queue_one", "queue_all", "skip", "allow"],
        Field(
            description="What a tick does while another run of this workflow is unfinished: "
            "`queue_one` (default), `queue_all`, `skip` or `allow`."
        ),
    ] = "queue_one"
    pause_after: Annotated[
        Whole | None,
        Field(
            ge=1,
            le=1000,
            description="Pause the timetable after this number of consecutive runs that did "
            "not succeed; default: never. `almaflow unpause` ends the pause.",
        ),
    ] = None
    ping: Annotated[
        Text | None,
        Field(
            description="An entry of `pings` in almaflow.yaml: a dead man's switch that is "
            "notified of the start and the end of each run of the timetable."
        ),
    ] = None
    timeout: Annotated[
        Duration, Field(description="The maximum duration of a whole run; default 24h.")
    ] = timedelta(hours=24)
    defaults: Annotated[Defaults, Field(description="Settings for every step.")] = Defaults()
    steps: Annotated[list[Step], Field(description="The steps, in order.", min_length=1)]
    finally_: Annotated[
        list[Step],
        Field(
            alias="finally",
            description="Steps that run after the others have ended, even after a failure, a "
            "timeout or a cancellation; at most 30 minutes.",
        ),
    ] = []
    notify: Annotated[
        Several[Notice], Field(description=("Who is notified of the outcome of the run."))
    ] = []
    outputs: Annotated[
        dict[str, Value], Field(description="The values that a run returns to its caller.")
    ] = {}

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
