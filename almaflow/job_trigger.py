"""What a workflow's `on` may say: it starts when a job has ended in Alma."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from almaflow.field_types import Model, Several, Text, refused
from almaflow.steps.base import EndingWord

ReportField = Literal["instance_id", "job_id", "job_name", "name", "status", "ended_at"]


class JobEnded(Model):
    """Which ends of jobs in Alma start the workflow; each instance does so once."""

    short: ClassVar[str | None] = "job"

    job: Text = Field(min_length=1, description="The id of the job, such as M58, or its name.")
    name: Text | None = Field(
        default=None,
        description="A pattern for the name of the instance: `*` matches any characters, `?` "
        "one character, `[abc]` one of these.",
    )
    status: Several[EndingWord] = Field(
        default=[], description="Alma's status codes that count; default: all."
    )
    inputs: dict[str, ReportField] = Field(
        default={},
        description="Inputs that get a value of the report: `instance_id`, `job_id`, "
        "`job_name`, `name` (of the instance), `status` or `ended_at`.",
    )

    def fits(self, job_id: str, job_name: str, name: str, status: str) -> bool:
        """Whether the end of an instance starts the workflow."""
        job = _plain(self.job)
        return (
            job in (_plain(job_id), _plain(job_name))
            and (self.name is None or fnmatchcase(_plain(name), _plain(self.name)))
            and (not self.status or status in self.status)
        )


def _plain(text: str) -> str:
    """Return a name as Alma's own labels are compared: without case and runs of spaces."""
    return " ".join(text.casefold().split())


class Triggers(Model):
    """What starts the workflow, besides its timetable and people."""

    foreign: ClassVar[str] = "almaflow.foreign_keys:TRIGGERS"

    job_ended: Several[JobEnded] = Field(
        default=[],
        description="Jobs in Alma, started by anybody. Alma's webhook has to report their end "
        "to `almaflow serve`: see `webhook_secret` in almaflow.yaml.",
    )

    @model_validator(mode="before")
    @classmethod
    def _not_a_timetable(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise refused(
                "wrong_type",
                "`on` needs a mapping. Write `on: {job_ended: {job: M58}}` to start the "
                "workflow when a job has ended in Alma, or `schedule: …` for a timetable.",
            )
        return data

    @model_validator(mode="after")
    def _something(self) -> Triggers:
        if not self.job_ended:
            raise refused(
                "choose_one", "`on` needs `job_ended`. Write `on: {job_ended: {job: M58}}`."
            )
        return self
