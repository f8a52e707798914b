"""`delete_set`: removes sets, never their members. Deleting twice changes nothing more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator, model_validator

from almaflow.alma import calls
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import AlmaRefused
from almaflow.alma.job_status import is_terminal
from almaflow.alma.wire import AlmaSet
from almaflow.expressions import NUMBER
from almaflow.field_types import IdTemplate, Template, choose_one, parse_duration, refused
from almaflow.steps.base import Kind
from almaflow.steps.literals import Duration
from almaflow.steps.result import StepFailed, StepResult
from almaflow.waiting import Waiting, WaitingKind

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

# "Set not found" and "Invalid Set ID": the set is gone already (alma-api: T3, T5).
GONE = frozenset({"60107", "402264"})

# How long to wait before looking again whether a job still works on the set.
LOOK_AGAIN = timedelta(minutes=1)

# Whom Alma names as the maker of sets that were made through the API.
API_USER = "exl_api"


class DeleteSet(Kind):
    """Delete a set, or all old sets of a name; their records are kept.

    It is not a failure if the set is gone already. A job that almaflow started on the set is
    waited for first. With `prefix` and `older_than`, only sets that were created through the API
    are deleted, and none that a job of almaflow is using.
    """

    key = "delete_set"
    foreign: ClassVar[str] = "almaflow.steps.foreign_set_keys:DELETE_SET"
    short: ClassVar[str | None] = "id"
    outputs: ClassVar = {"deleted": NUMBER}
    example = """\
- delete_set: "{{ steps.titles.set_id }}"
- delete_set: {prefix: "almaflow ", older_than: 30d}
"""

    id: IdTemplate | None = Field(default=None, description="The id of the set to delete.")
    prefix: Template | None = Field(
        default=None,
        description="Delete the sets whose names begin with this text (case-sensitive). "
        "Requires `older_than`.",
    )
    older_than: Duration | None = Field(
        default=None,
        description="The minimum age of the sets to delete, such as `30d`. Requires `prefix`.",
    )

    @field_validator("prefix")
    @classmethod
    def _some_prefix(cls, template: Template | None) -> Template | None:
        if template is not None and not template.text.strip():
            error = "An empty `prefix` would delete every set that was created through the API."
            raise refused("bad_value", error)
        return template

    @model_validator(mode="after")
    def _one_or_a_sweep(self) -> DeleteSet:
        sweep = (self.prefix is not None, self.older_than is not None)
        if (self.id is not None) is any(sweep) or any(sweep) is not all(sweep):
            sentence = "`delete_set` needs either `id`, or `prefix` and `older_than`."
            raise choose_one(sentence, "id", "prefix", "older_than")
        return self

    async def perform(self, context: StepContext) -> StepResult:
        if self.prefix is not None:
            await self._sweep(context)
            return StepResult()
        assert self.id is not None
        set_id = context.text(self.id)
        if not set_id:
            raise StepFailed("The `id` of `delete_set` is empty. Nothing was deleted.")
        await until_free(context, set_id)
        was_there = await remove_set(context, "delete", set_id)
        if not was_there:
            context.say(f"Set {set_id} does not exist any more.")
        context.outputs["deleted"] = int(was_there)
        return StepResult()

    async def _sweep(self, context: StepContext) -> None:
        found = await context.once("sets", lambda: self._old_sets(context))
        context.outputs["deleted"] = 0
        kept = []
        for place, (set_id, name) in enumerate(found, start=1):
            context.progress(f"deleting set {place} of {len(found)}")
            if jobs := await context.jobs_on(set_id):
                context.say(
                    f"Set `{name}` ({set_id}) was not deleted, because job {jobs[0][0]} is "
                    "using it."
                )
                continue
            try:
                # It was there when it was listed: gone since means by a deletion whose answer
                # was lost, as good as surely.
                await remove_set(context, f"delete-{set_id}", set_id)
            except AlmaRefused as error:
                kept.append(f"`{name}` ({set_id}): {error.text}")
                continue
            context.outputs["deleted"] += 1
        if kept:
            raise StepFailed(
                (f"{len(kept)} of {len(found)} sets could not be deleted. ") + " ".join(kept)
            )

    async def _old_sets(self, context: StepContext) -> list[list[str]]:
        """Return id and name of the sets to be swept up, oldest first."""
        assert self.prefix is not None
        assert self.older_than is not None
        prefix = context.text(self.prefix)
        if not prefix.strip():
            raise StepFailed("The `prefix` of `delete_set` is empty. Nothing was deleted.")
        try:
            age = parse_duration(context.text(self.older_than))
        except ValueError as error:
            raise StepFailed(f"{error} Nothing was deleted.") from error
        listed = await self._made_through_the_api(context)
        # By Alma's clock, as its list has just told it; ours may have been set since the start.
        before = context.alma_time(min(context.now, context.clock.now())) - age
        old = [
            (found.created_at, found.id, found.name)
            for found in listed
            if found.created_by == API_USER
            and found.name.startswith(prefix)
            and found.created_at is not None
            and found.created_at < before
        ]
        return [[set_id, name] for _, set_id, name in sorted(old)]

    @staticmethod
    async def _made_through_the_api(context: StepContext) -> list[AlmaSet]:
        return await read_pages(
            context.read, lambda offset: calls.list_sets(f"created_by~{API_USER}", offset=offset)
        )


async def until_free(context: StepContext, set_id: str) -> None:
    """Wait until no job that almaflow started works on a set.

    Raises: StepFailed when it is not known whether one does.
    """
    for job_id, instance_id in await context.jobs_on(set_id):
        if instance_id is None:
            raise StepFailed(
                f"Job {job_id} may be using set {set_id}: it is not known whether Alma "
                "accepted its submission. The set was not deleted. Check the job in Alma, and "
                "then delete the set there."
            )
        while True:
            instance = await context.read(calls.instance(instance_id, job_id), poll=True)
            await context.seen(job_id, instance)
            if is_terminal(instance):
                break
            text = f"job {job_id} is still using the set, as instance {instance_id}"
            await context.sleep(LOOK_AGAIN, Waiting(WaitingKind.JOB, text))


async def remove_set(context: StepContext, effect: str, set_id: str) -> bool:
    """Delete a set; False when it is gone already, perhaps by a deletion whose answer was lost."""
    try:
        await context.write(effect, calls.delete_set(set_id), repeatable=True)
    except AlmaRefused as error:
        if not error.codes & GONE:
            raise
        return False
    return True
