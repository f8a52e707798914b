"""`run_profile`: the job of an integration or import profile.

Alma changes the job's id when the profile is edited, so it is looked up when the step runs. Looking
up may be repeated; the submission may not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from almaflow.field_types import AlmaId, Model, Text, choose_one
from almaflow.steps.job_step import JobStep
from almaflow.steps.result import StepResult

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


class IntegrationProfileRef(Model):
    """An integration profile, by exactly one of id, code or name."""

    short: ClassVar[str | None] = "code"

    id: Annotated[AlmaId | None, Field(description="The id of the profile.")] = None
    code: Annotated[Text | None, Field(description="The code of the profile in Alma.")] = None
    name: Annotated[Text | None, Field(description="The exact name of the profile.")] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> IntegrationProfileRef:
        if sum(part is not None for part in (self.id, self.code, self.name)) != 1:
            sentence = "A profile needs exactly one of `id`, `code` and `name`."
            raise choose_one(sentence, "id", "code", "name")
        return self


class ImportProfileRef(Model):
    """An import profile, by id or by name."""

    short: ClassVar[str | None] = "name"

    id: Annotated[AlmaId | None, Field(description="The id of the profile.")] = None
    name: Annotated[Text | None, Field(description="The exact name of the profile.")] = None

    @model_validator(mode="after")
    def _exactly_one(self) -> ImportProfileRef:
        if (self.id is None) == (self.name is None):
            raise choose_one("A profile needs either `id` or `name`.", "id", "name")
        return self


class PublishingProfileRef(Model):
    """A publishing profile, by id or by name. The API has no list of them."""

    short: ClassVar[str | None] = "name"

    id: Annotated[AlmaId | None, Field(description="The id of the profile.")] = None
    name: Text | None = Field(
        default=None,
        description="The name of the profile; its job is `Publishing Platform Job` and this name.",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> PublishingProfileRef:
        if (self.id is None) == (self.name is None):
            raise choose_one("A profile needs either `id` or `name`.", "id", "name")
        return self

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
    import_: Annotated[
        ImportProfileRef | None,
        Field(alias="import", description="An import profile: its name, or `{id|name: …}`."),
    ] = None
    publishing: PublishingProfileRef | None = Field(
        default=None, description="A publishing profile: its name, or `{id|name: …}`."
    )
    job: Text | None = Field(
        default=None,
        description="How the name of the job begins, for an integration profile with several jobs.",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> RunProfile:
        given = [self.integration, self.import_, self.publishing]
        if sum(one is not None for one in given) != 1:
            sentence = "`run_profile` needs one of `integration`, `import` and `publishing`."
            raise choose_one(sentence, "integration", "import", "publishing")
        if self.integration is None and self.job is not None:
            kind = "An import" if self.publishing is None else "A publishing"
            raise PydanticCustomError(
                "choose_one", f"{kind} profile has only one job. Omit `job`.", {"key": "job"}
            )
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
