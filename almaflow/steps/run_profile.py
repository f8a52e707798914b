"""`run_profile`: the job of an integration or import profile.

Alma changes the job's id when the profile is edited, so it is looked up when the step runs. Looking
up may be repeated; the submission may not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from almaflow.field_types import AlmaId, Model, Text, exactly_one, refused
from almaflow.steps.job_step import JobStep
from almaflow.steps.result import StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


class IntegrationProfileRef(Model):
    """An integration profile, by exactly one of id, code or name."""

    short: ClassVar[str | None] = "code"

    id: AlmaId | None = Field(default=None, description="The id of the profile.")
    code: Text | None = Field(default=None, description="The code of the profile in Alma.")
    name: Text | None = Field(default=None, description="The exact name of the profile.")

    _exactly_one = exactly_one("id", "code", "name", of="A profile")


class ImportProfileRef(Model):
    """An import profile, by id or by name."""

    short: ClassVar[str | None] = "name"

    id: AlmaId | None = Field(default=None, description="The id of the profile.")
    name: Text | None = Field(default=None, description="The exact name of the profile.")

    _exactly_one = exactly_one("id", "name", of="A profile")


class PublishingProfileRef(Model):
    """A publishing profile, by id or by name. The API has no list of them."""

    short: ClassVar[str | None] = "name"

    id: AlmaId | None = Field(default=None, description="The id of the profile.")
    name: Text | None = Field(
        default=None,
        description="The name of the profile; its job is `Publishing Platform Job` and this name.",
    )

    _exactly_one = exactly_one("id", "name", of="A profile")

    @property
    def job_name(self) -> str:
        """The name of the profile's job in Alma; empty when only the id is given."""
        name = " ".join((self.name or "").split())
        is_whole = name.casefold().startswith(PUBLISHING_JOB.casefold())
        return name if is_whole or not name else f"{PUBLISHING_JOB} {name}"


PUBLISHING_JOB = "Publishing Platform Job"
"""How the names of the jobs of publishing profiles begin."""


class RunProfile(JobStep):
    """Run the job of an integration, import or publishing profile now, wait for its end and check
    it.

    The parameters of the job are in the profile. A profile with several jobs (such as import and
    export) needs `job` to select one.
    """

    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:RUN_PROFILE"
    one_of: ClassVar = ("import", "integration", "publishing")

    key = "run_profile"
    example = """\
- id: storage
  run_profile:
    integration: {code: REMOTE_STORAGE_NORTH}
    job: Send Requests to Remote Storage
"""

    integration: IntegrationProfileRef | None = Field(
        default=None, description="An integration profile: its code, or `{id|code|name: …}`."
    )
    import_: ImportProfileRef | None = Field(
        default=None, alias="import", description="An import profile: its name, or `{id|name: …}`."
    )
    publishing: PublishingProfileRef | None = Field(
        default=None, description="A publishing profile: its name, or `{id|name: …}`."
    )
    job: Text | None = Field(
        default=None,
        description="How the name of the job begins, for an integration profile with several jobs.",
    )

    _exactly_one = exactly_one("integration", "import_", "publishing")

    @model_validator(mode="after")
    def _one_job(self) -> RunProfile:
        if self.integration is None and self.job is not None:
            kind = "An import" if self.publishing is None else "A publishing"
            raise refused("choose_one", f"{kind} profile has only one job. Omit `job`.", key="job")
        return self

    async def perform(self, context: StepContext) -> StepResult:
        job = await context.once("job", lambda: self._resolve(context))
        return await self.start_and_judge(context, job["id"], job["name"], lambda _: [])

    async def _resolve(self, context: StepContext) -> dict[str, str]:
        if self.integration is not None:
            profile = self.integration
            job = await context.directory.integration_job(
                id=profile.id, code=profile.code, name=profile.name, job_name=self.job
            )
        elif self.publishing is not None and self.publishing.id is None:
            job = await context.directory.job(name=self.publishing.job_name, type="SCHEDULED")
        elif self.publishing is not None:
            job = await context.directory.integration_job(id=self.publishing.id)
        else:
            assert self.import_ is not None
            job = await context.directory.import_job(id=self.import_.id, name=self.import_.name)
        return {"id": job.id, "name": job.name}
