"""What every kind of step shares: its keys, its endings, and what the engine offers it.

A kind is a model of what is under its key and a coroutine, `perform`, that does it through a
`StepContext`. The context journals every effect, so `perform` may be run again from its first line
after a crash: what was done is returned, not repeated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from almaflow.alma.job_status import KNOWN_STATUSES
from almaflow.expressions import Type
from almaflow.field_types import (
    Condition,
    Duration,
    Model,
    Plain,
    Several,
    Template,
    TemplateText,
    Text,
    Whole,
    refused,
)
from almaflow.late_dataclasses import dataclass
from almaflow.model_fields import ModelLater
from almaflow.outcome import Outcome
from almaflow.steps.result import StepResult, timed_out

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

MOST_STEPS = 100_000
"""How many attempts at steps a run may begin, those before a resume or a retry included."""


@dataclass(frozen=True)
class Block:
    """A list of steps inside a step. *name* is its part of the paths: `case-2`, `default`."""

    name: str
    steps: Sequence["StepBase"]
    keys: tuple[str | int, ...]
    """Where the list is under the kind's key, such as `("cases", "COMPLETED_SUCCESS")`."""
    own_scope: bool = False
    """Whether its steps are seen only from inside, as those of an iteration are."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """What its steps see besides, by name, such as the item of an iteration."""


@dataclass(frozen=True)
class BlockResult:
    """How one block ended; *ending* is None when it never began."""

    block: Block
    ending: StepResult | None
    steps: Mapping[str, Mapping[str, Any]]
    """What its steps with an id gave, by id; only of a block with a separate scope."""


@dataclass(frozen=True)
class ScopedExpression:
    """An expression of a kind that sees more than the step around it does.

    *extra* are the further names with their types, such as the step's own outputs in `expect`.
    """

    keys: tuple[str | int, ...]
    source: TemplateText
    extra: Mapping[str, Type]


def _ending_word(word: str) -> str:
    """Return a status of Alma or an outcome as it is written; its case does not count."""
    if word in KNOWN_STATUSES:
        # FAILED is a status, and `failed` an outcome.
        return word
    if word.lower() in _OUTCOMES:
        return word.lower()
    return word.upper() if word.upper() in KNOWN_STATUSES else word


_OUTCOMES = frozenset(map(str, Outcome))

EndingWord = Annotated[Text, AfterValidator(_ending_word)]
"""A status of Alma or an outcome of a step; upper and lower case do not count."""


class PollSettings(Model):
    """How often an instance in Alma is polled."""

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:POLL"

    first: Duration = Field(
        default=timedelta(seconds=10),
        description="The wait before the first poll; later waits grow.",
    )
    max: Duration = Field(
        default=timedelta(minutes=2), description="The longest wait between two polls."
    )


class Retry(Model):
    """Whether a step that failed is retried, as a new attempt."""

    short: ClassVar[str | None] = "attempts"
    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:RETRY"

    attempts: Whole = Field(
        default=3, ge=1, le=100, description="The number of attempts, including the first."
    )
    delay: Duration = Field(
        default=timedelta(minutes=1), description="The wait before the next attempt."
    )
    on: Several[EndingWord] = Field(
        default=[],
        description="The results that allow another attempt: outcomes (`failed`, `timed_out`) or "
        "Alma status codes (`SYSTEM_ABORTED`). Required for steps that start a job, because a job "
        "that has run is otherwise never submitted again.",
    )


class Kind(Model):
    """What is written under the key that names a step's kind."""

    key: ClassVar[str]
    example: ClassVar[str]
    """A whole step in YAML, shown by `almaflow explain`."""
    outputs: ClassVar[Mapping[str, Type]] = {}
    starts_job: ClassVar[bool] = False
    """Whether it submits a job, so that `retry` must say on which endings."""
    composite: ClassVar[bool] = False
    """Whether it runs other steps, each of which is retried separately."""
    follows_job: ClassVar[bool] = False
    """Whether it follows a job of Alma's to its end, and has the status of that."""
    names_files: ClassVar[bool] = False
    """Whether it may name files of the project, which are checked before a run."""
    secret_keys: ClassVar[frozenset[str]] = frozenset()
    """The keys whose values may hold `secrets.x`: they go to Alma or into a notification and
    come back in no output."""

    @classmethod
    def complete(cls, step: type["StepBase"]) -> None:
        """Let a kind whose fields hold steps know their model, *step*, which comes after it."""
        if cls.composite:
            cls.model_rebuild(_types_namespace={"Step": step})

    def blocks(self) -> Iterator[Block]:
        """The lists of steps inside this one."""
        return iter(())

    def scoped(self) -> Iterator[ScopedExpression]:
        """The expressions that see more names than the step around them."""
        return iter(())

    def output_types(self) -> Mapping[str, Type]:
        """What this very step gives to later ones: its kind's outputs, or more about them."""
        return self.outputs

    def unavailable_outputs(self) -> Mapping[str, str]:
        """The outputs of its kind that this very step does not have, each with the reason.

        A reason is a clause that follows a colon.
        """
        return {}

    def may_do_nothing(self) -> str:
        """Why this very step may end as skipped although its `if` is true; empty: it never does.

        A clause that follows "because".
        """
        return ""

    def may_end_block(self) -> bool:
        """Whether it may end the run, or what is around it, as skipped."""
        return False

    def payloads(self) -> Iterator[str]:
        """The files that are recorded with a run because it sends them as they are."""
        return iter(())

    async def perform(self, context: "StepContext") -> StepResult:
        """Do the step's work; `context.outputs` holds what later steps see.

        Raises: StepFailed, AlmaError, ExpressionFailed, OutcomeUnknown.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define `perform`")

    def timed_out(self, error: str) -> StepResult:
        """Return how the step ends when its time has expired; *error* is the sentence about it."""
        return timed_out(error)


class KindLater(ModelLater[Kind]):
    """Marks the field of one kind among those of a step."""


IDENTIFIER = r"^[A-Za-z][A-Za-z0-9_]*$"


class StepBase(Model):
    """One step: exactly one key names its kind; the others are common to all."""

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:STEP"

    id: Text | None = Field(
        default=None,
        pattern=IDENTIFIER,
        description="The name by which later steps refer to this step as `steps.<id>`: a "
        "letter, then letters, digits and `_`; unique in the file.",
    )
    name: Text | None = Field(
        default=None, description="The name of the step in reports. It has no other effect."
    )
    if_: Condition | None = Field(
        default=None,
        alias="if",
        description="An expression. When it is false, the step is skipped.",
    )
    timeout: Duration | None = Field(
        default=None,
        description="How long the step may take, including every wait and attempt. A job "
        "that is running in Alma continues after this time.",
    )
    retry: Annotated[Retry | None, ModelLater(lambda: Retry)] = Field(
        default=None, description="Whether and how the step is retried after a failure."
    )
    on_failure: Literal["stop", "continue"] = Field(
        default="stop",
        description="`stop` (default): a failure ends the block that contains the step. "
        "`continue`: the run continues, and its outcome is `warning`.",
    )
    institution: Template | None = Field(
        default=None,
        description="An institution of almaflow.yaml, if it differs from the workflow's.",
    )

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, data: Any) -> Any:
        """Refuse a step that names no kind or several; an empty kind is one without fields."""
        if isinstance(data, Plain) and data.is_empty:
            data = {}
        if not isinstance(data, dict):
            return data
        named = [key for key in data if key in cls.kind_keys()]
        if len(named) > 1:
            raise PydanticCustomError(
                "several_kinds",
                "A step does one thing, but this step has the keys {keys}. Write a separate "
                "step for each key (a line that begins with `-`).",
                {"keys": " and ".join(f"`{key}`" for key in named), "key": named[1]},
            )
        if not named and not data.keys() - cls.common_keys():
            raise PydanticCustomError(
                "no_kind",
                "This step has no kind. Add one of the keys {keys}.",
                {"keys": ", ".join(f"`{key}`" for key in sorted(cls.kind_keys()))},
            )
        return {
            key: {} if key in named and isinstance(value, Plain) and value.value is None else value
            for key, value in data.items()
        }

    @model_validator(mode="after")
    def _retry_stands_inside(self) -> Self:
        """Refuse another attempt at a list of steps: its jobs would be submitted again."""
        if self.retry is not None and self.kind.composite:
            error = "Put `retry` on the inner steps; each of them is retried separately."
            raise refused("retry_of_steps", error, key="retry")
        return self

    @classmethod
    @cache
    def kind_keys(cls) -> frozenset[str]:
        """The keys that name a kind."""
        return frozenset(cls.model_fields) - frozenset(StepBase.model_fields)

    @classmethod
    def common_keys(cls) -> frozenset[str]:
        """The keys that every step may have."""
        return frozenset(field.alias or name for name, field in StepBase.model_fields.items())

    @cached_property
    def kind(self) -> Kind:
        """What the step does."""
        return next(
            value
            for name in self.model_fields_set
            if isinstance(value := getattr(self, name), Kind)
        )

    def label(self, place: int) -> str:
        """Return the step's part of a path; *place* is its place in its list, from 1."""
        return self.id or f"{self.kind.key}-{place}"
