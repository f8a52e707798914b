"""`delete_set`: removes a set, never its members. Deleting twice changes nothing more."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from almaflow.alma import calls
from almaflow.alma.errors import AlmaRefused
from almaflow.alma.statuses import is_terminal
from almaflow.expressions import NUMBER
from almaflow.fields import Template
from almaflow.steps.base import Kind
from almaflow.steps.context import StepContext
from almaflow.steps.endings import Ending, StepFailed

# "Set not found" and "Invalid Set ID": the set is gone already (alma-api: T3, T5).
GONE = frozenset({"60107", "402264"})

# How long to wait before looking again whether a job still works on the set.
LOOK_AGAIN = timedelta(minutes=1)


class DeleteSet(Kind):
    """Delete a set; the records in it stay. A set that is gone already is fine.

    A job that this run started on the set and did not wait for is waited for first.
    """

    key = "delete_set"
    short: ClassVar[str | None] = "id"
    outputs: ClassVar = {"deleted": NUMBER}
    example = """\
- delete_set: "{{ steps.titles.set_id }}"
"""

    id: Annotated[Template, Field(description="The id of the set.")]

    async def perform(self, context: StepContext) -> Ending:
        set_id = context.text(self.id)
        if not set_id:
            raise StepFailed("delete_set was given an empty id; nothing was deleted.")
        for job_id, instance_id in await context.jobs_on(set_id):
            if instance_id is None:
                raise StepFailed(
                    f"Job {job_id} may work on set {set_id}: nobody can tell whether Alma took its "
                    "submission. The set was not deleted; delete it in Alma when that is known."
                )
            await self._wait_for(context, job_id, instance_id)
        was_there = await remove_set(context, "delete", set_id)
        if not was_there:
            context.say(f"Set {set_id} is gone already.")
        context.outputs["deleted"] = int(was_there)
        return Ending()

    @staticmethod
    async def _wait_for(context: StepContext, job_id: str, instance_id: str) -> None:
        while not is_terminal(await context.read(calls.instance(instance_id, job_id))):
            await context.sleep(
                LOOK_AGAIN, f"job {job_id} still works on the set, as {instance_id}"
            )


async def remove_set(context: StepContext, effect: str, set_id: str) -> bool:
    """Delete a set; False when it is gone already, perhaps by a deletion whose answer was lost."""
    try:
        await context.write(effect, calls.delete_set(set_id), repeatable=True)
    except AlmaRefused as error:
        if not error.codes & GONE:
            raise
        return False
    return True
