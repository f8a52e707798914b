"""`submit_job`: a manual job of Alma's, with its parameters.

Looking up the job may be repeated. The submission may not: it leaves once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from almaflow.alma.wire import Job, JobParameter
from almaflow.field_types import (
    AlmaId,
    IdTemplate,
    MemberId,
    Model,
    Plain,
    Template,
    Text,
    as_text,
    refused,
)
from almaflow.rounded_numbers import rounded_number
from almaflow.steps.job_step import JobStep
from almaflow.steps.result import StepFailed, StepResult
from almaflow.yaml_in_line import in_line

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

# What Alma shows of a job's name; our marker comes on top of it.
JOB_NAME_LENGTH = 100


async def named_job(context: StepContext, job: JobReference, type: str | None) -> Job:
    """Return the job that is meant; the log says when its id belongs to one of another name."""
    found = await context.directory.job(id=job.id, name=job.name, type=type)
    if other := context.directory.other_name(found, job.name):
        context.say(f"Warning: {other} The id counts.")
    return found


# An id with its name or in a link: `Export (M44)`, `M44 - Export`, `…/conf/jobs/M44?op=run`.
_ID_WITHIN = re.compile(r"(?<![\w{])([SMO][0-9]+)(?![\w}])")


def _with_name(id: str, text: str) -> str:
    """Return how the job of *id* is written, with its name when *text* has that, too."""
    name = (
        ""
        if re.search(r"/conf/|[?&=]", text)
        else re.sub(r"^[\W_]+|[\W_]+$", "", text.replace(id, ""))
    )
    return f"job: {in_line({'id': id, 'name': name})}" if name else id


def _misspelt(text: str) -> str:
    """Return how the id of a job that *text* almost is is written, as a sentence; else empty."""
    # Full-width letters and digits become plain ones.
    plain = re.sub(r"[\s_.#-]+", "", unicodedata.normalize("NFKC", text)).upper()
    if plain != text and re.fullmatch(r"[SMO][0-9]+", plain):
        return (
            f"`{text}` is not the id of a job: an id is a capital letter and digits, without "
            f"spaces. Write `{plain}`."
        )
    if (meant := _ID_WITHIN.search(text)) and meant[0] != text.strip():
        return f"`{text}` is not the id of a job. Write `{_with_name(meant[1], text)}`."
    if re.fullmatch(r"[SMO][0-9]*[OoIl][0-9OoIl]*", text.strip()):
        digits = text.strip()[1:].translate(str.maketrans("OoIl", "0011"))
        return f"`{text}` has a letter among its digits. Write `{text.strip()[0]}{digits}`."
    if plain.isdecimal() and plain == text.strip():
        return (
            f"`{text}` is not the id of a job: an id begins with a letter. Write `M{plain}` for a "
            f"manual job, or `S{plain}` for a scheduled one."
        )
    if re.search(r"\w\s+\w", text) and not re.match(r"[SMO][0-9]", plain):
        name = in_line({"name": text.strip(" “”„«»‘’")})
        return f"`{text}` is not the id of a job. Its name is written `job: {name}`."
    return ""


class JobReference(Model):
    """A job by id or by name. With both, the id counts, and another name in Alma is reported."""

    short: ClassVar[str | None] = "id"

    id: AlmaId | None = Field(
        default=None,
        pattern=r"^[SMO][0-9]+$",
        description="The id of the job, such as M44: a letter (M manual, S scheduled, O "
        "other) and digits. Short ids are the same in every institution.",
    )
    name: Text | None = Field(
        default=None,
        description="The name of the job in Alma; upper and lower case and the number of "
        "spaces do not count.",
    )

    @field_validator("id", mode="before")
    @classmethod
    def _written_as_in_alma(cls, data: Any) -> Any:
        text = as_text(data)
        if isinstance(text, str) and (why := _misspelt(text)):
            raise refused("job_id", why)
        return data

    @model_validator(mode="after")
    def _one_at_least(self) -> JobReference:
        if self.id is None and self.name is None:
            raise refused("missing_key", "A job needs an `id`, a `name`, or both.")
        if self.id is None and re.fullmatch(r"[SMO][0-9]+", self.name or ""):
            why = f"`{self.name}` is the id of a job, not its name. Write `job: {self.name}`."
            raise refused("job_id", why, key="name")
        return self


SET_ID = "set_id"
"""The parameter that holds the id of the set a job works on."""


def _value_in_json(data: Any) -> Any:
    """Return the text of a `{value: …, desc: …}`, as Alma's JSON has it."""
    if isinstance(data, dict) and "value" in data and not data.keys() - {"value", "desc"}:
        return data["value"]
    return data


# An editor need not offer the second form: it is pasted.
_TEXT_OR_VALUE = {"anyOf": [{"type": "string"}, {"type": "object", "required": ["value"]}]}


class Parameter(Model):
    """One parameter of a list, in which names may repeat; Alma's JSON can be pasted as it is."""

    name: Annotated[
        Text,
        BeforeValidator(_value_in_json),
        WithJsonSchema(_TEXT_OR_VALUE),
        Field(description="The name of the parameter in Alma."),
    ]
    value: Template = Field(default=Template(""), description="The value; default: an empty text.")

    @model_validator(mode="before")
    @classmethod
    def _id_of_a_set(cls, data: Any) -> Any:
        if isinstance(data, dict) and _value_in_json(data.get("name")) == SET_ID:
            _check_set_id(data.get("value", ""), {"key": "value"})
        return data


def _named(data: Any) -> Any:
    """Let a name mean its list form, so that both forms of `parameters` are one model."""
    if isinstance(data, Plain) and data.is_empty:
        return {}
    if isinstance(data, dict) and SET_ID in data:
        _check_set_id(data[SET_ID], {"key": SET_ID})
    return data


def _check_set_id(value: Any, context: dict[str, Any]) -> None:
    """Refuse a set's id that YAML reads as something else; an empty one is Alma's to judge."""
    try:
        MemberId.characters(value)
    except PydanticCustomError as error:
        details = {**(error.context or {}), **context}
        raise PydanticCustomError(error.type, error.message_template, details) from None


def _false_or_name(data: Any) -> Any:
    """Let an unquoted `false` be false; every other text is a name."""
    return False if isinstance(data, Plain) and data.value is False else data


Parameters = Annotated[dict[str, Template] | list[Parameter], BeforeValidator(_named)]


class SubmitJob(JobStep):
    """Submit a manual job, wait for its end and check how it ended.

    The parameters are those of the wizard's "API information" panel: copy them into a payload
    file, or write them here. A job is submitted once, whatever happens. If the response to a
    submission is lost, almaflow searches Alma for the instance before it sends anything again.
    """

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:SUBMIT_JOB"

    key = "submit_job"
    names_files = True
    short: ClassVar[str | None] = "job"
    secret_keys = frozenset({"parameters"})
    example = """\
- id: export
  submit_job:
    job: {id: M44, name: Export Bibliographic Records}
    parameters:
      task_ExportBibParams_outputFormat_string: MARC21_XML
    set: "{{ steps.titles.set_id }}"
    expect:
      - counters.number('c.jobs.export.exported') > 0
  timeout: 4h
"""

    job: JobReference = Field(description="The job: its id, its name, or both.")
    payload: Text | None = Field(
        default=None,
        description="A file with the payload from the job wizard, XML or JSON, relative to "
        "the workflow file. It is sent unchanged; templates are not evaluated.",
    )
    parameters: Parameters = Field(
        default={},
        description="Parameters that replace or extend those of the payload: a mapping of names to "
        "values, or a list of `{name, value}` when a name occurs more than once.",
    )
    set: IdTemplate | None = Field(
        default=None, description="The id of the set that the job processes (`set_id`)."
    )
    job_name: Annotated[
        Literal[False] | Template | None,
        BeforeValidator(_false_or_name),
        Field(
            description="The name of the instance in Alma; default: workflow and step. `false` "
            "sends no name, for a job that does not allow one."
        ),
    ] = None

    def payloads(self) -> Iterator[str]:
        if self.payload is not None:
            yield self.payload

    async def perform(self, context: StepContext) -> StepResult:
        job = await context.once("job", lambda: self._resolve(context))

        def parameters(marker: str) -> list[JobParameter]:
            return self._parameters(context, job["id"], marker)

        return await self.start_and_judge(context, job["id"], job["name"], parameters)

    async def _resolve(self, context: StepContext) -> dict[str, str]:
        job = await named_job(context, self.job, "MANUAL")
        return {"id": job.id, "name": job.name}

    def _parameters(self, context: StepContext, job_id: str, marker: str) -> list[JobParameter]:
        # Few runs submit a job, and XML is read with a separate library.
        from almaflow.alma.payload import (
            ParameterRepeated,
            PayloadInvalid,
            merge_parameters,
            parse_payload,
        )

        payload: list[JobParameter] = []
        if self.payload is not None:
            try:
                payload = parse_payload(context.payload(self.payload))
            except PayloadInvalid as error:
                raise StepFailed(f"{self.payload}: {error}") from error
        set_id = None if self.set is None else context.text(self.set)
        if self.set is not None and not set_id:
            raise StepFailed("`set` is empty. Nothing was submitted.")
        if set_id is not None and (why := rounded_number(set_id)):
            raise StepFailed(f"`set`: {why} Nothing was submitted.")
        overrides = self._overrides(context)
        name = self._job_name(context, job_id, payload, overrides, marker)
        try:
            return merge_parameters(payload, overrides, set_id, name)
        except ParameterRepeated as error:
            raise StepFailed(f"{self.payload}: {error}") from error

    def _overrides(self, context: StepContext) -> dict[str, str] | list[JobParameter]:
        if isinstance(self.parameters, dict):
            return {name: context.text(value) for name, value in self.parameters.items()}
        return [JobParameter(one.name, context.text(one.value)) for one in self.parameters]

    def _job_name(
        self,
        context: StepContext,
        job_id: str,
        payload: list[JobParameter],
        overrides: dict[str, str] | list[JobParameter],
        marker: str,
    ) -> str | None:
        """Return the run's name with our *marker*; None when none is to be sent."""
        if self.job_name is False or job_id.startswith("S"):
            return None
        if isinstance(self.job_name, Template):
            name = context.text(self.job_name)
        else:
            given = list(payload)
            given += (
                overrides
                if isinstance(overrides, list)
                else [JobParameter(key, value) for key, value in overrides.items()]
            )
            named = [one.value for one in given if one.name == "job_name"]
            name = named[-1] if named else ""
        if not name.strip():
            name = f"{context.workflow_name} {context.path}"
        return name.strip()[:JOB_NAME_LENGTH].rstrip() + marker
