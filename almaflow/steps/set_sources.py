"""What Alma fills a new set from automatically: a logical set, two sets, an import. Only reads."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from almaflow.alma import calls
from almaflow.alma.job_status import is_terminal
from almaflow.alma.set_creation import Combined, CopyOf, OfRun, Operator, Origin
from almaflow.alma.wire import AlmaSet, JobInstance
from almaflow.field_types import IdTemplate, Model, Template
from almaflow.outcome import Outcome
from almaflow.steps.job_step import COUNTER_LAG, OUTCOME_OF_STATUS, next_pace
from almaflow.steps.result import StepFailed, StepResult
from almaflow.waiting import Waiting, WaitingKind

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext

# How often the number of members is checked until it no longer changes, and for how long it may
# stay the same before the set counts as filled although it could have more members.
LOOK = timedelta(seconds=10)
STILL = timedelta(minutes=2)


class Combine(Model):
    """Two sets of the same content that make a third."""

    operator: Literal["and", "or", "not"] = Field(
        default="and",
        description="`and` (default): members of both sets; `or`: members of either set; "
        "`not`: members of the first set that are not in the second.",
    )
    sets: list[IdTemplate] = Field(
        min_length=2, max_length=2, description="The ids of the two sets."
    )


class FromRun(Model):
    """One of the populations that an import run's report offers to make a set of."""

    run: IdTemplate = Field(
        description="The id of the import instance, such as `{{ steps.load.instance_id }}`."
    )
    population: Template = Field(
        description="The code of the population, such as IMPORTED_RECORDS_NO_MATCH."
    )
    job: IdTemplate | None = Field(
        default=None, description="The id of the instance's job; usually `id` is enough."
    )


async def most_members(context: StepContext, origin: Origin, job: str, content: str) -> int:
    """Return how many members a set made of *origin* has at most, by what Alma says of it.

    *job* is the job of a run. Raises: StepFailed when no set of *content* can be made of it.
    """
    match origin:
        case CopyOf(set_id):
            source = await source_set(context, set_id, content)
            if source.type == "ITEMIZED":
                raise StepFailed(
                    f"The set `{source.name}` ({source.id}) is itemized, but `from_set` copies "
                    "logical sets only. To copy it, use `combine: {operator: or, sets: [id, "
                    "id]}` with its id twice."
                )
            return source.member_count or 0
        case Combined(operator, first, second):
            counts = [
                (await source_set(context, set_id, content)).member_count or 0
                for set_id in (first, second)
            ]
            return _most_of(operator, *counts)
    return await _population(context, origin, job)


async def source_set(context: StepContext, set_id: str, content: str) -> AlmaSet:
    """Return the set of *content* that another is made of; Raises: StepFailed."""
    source = await context.read(calls.alma_set(set_id))
    if source.content != content:
        raise StepFailed(
            f"The set `{source.name}` ({source.id}) contains {source.content}, not {content}. "
            "Nothing was created. Correct `content` or the id."
        )
    return source


def _most_of(operator: Operator, first: int, second: int) -> int:
    return {"AND": min(first, second), "OR": first + second, "NOT": first}[operator]


async def _population(context: StepContext, origin: OfRun, job: str) -> int:
    run = await context.read(calls.instance(origin.instance_id, job or "ALL"))
    if not is_terminal(run):
        raise StepFailed(
            f"Instance {run.id} has not ended yet ({run.status or 'no status yet'}), so its "
            "populations are not known. Nothing was created. Wait for the instance first."
        )
    if not run.populations:
        text = "the instance has ended, but its populations are not available yet"
        await context.sleep(COUNTER_LAG, Waiting(WaitingKind.JOB, text))
        run = await context.read(calls.instance(origin.instance_id, job or "ALL"))
    for one in run.populations:
        if one.code == origin.population:
            return one.members
    raise StepFailed(_no_population(run, origin.population))


def _no_population(run: JobInstance, wanted: str) -> str:
    if not run.populations:
        return (
            f"Instance {run.id} ({run.name or run.job_name}) has no populations; only metadata "
            "imports have them. Nothing was created."
        )
    there = ", ".join(f"{one.code} ({one.members})" for one in run.populations)
    return f"Instance {run.id} has no population `{wanted}`; its populations are {there}."


async def until_filled(context: StepContext, set_id: str, most: int) -> None:
    """Read the number of members until it no longer changes or is *most*; it is put out."""
    # By a clock that nobody sets.
    still_since, last = context.clock.elapsed(), -1
    while True:
        count = (await context.read(calls.alma_set(set_id))).member_count or 0
        context.outputs["member_count"] = count
        if count >= most:
            return
        if count != last:
            still_since, last = context.clock.elapsed(), count
        elif context.clock.elapsed() - still_since >= STILL.total_seconds():
            return
        text = f"Alma is filling the set: {count} of at most {most} members"
        await context.sleep(LOOK, Waiting(WaitingKind.JOB, text))


async def until_run_has_filled(context: StepContext, set_id: str, most: int) -> StepResult:
    """Follow the job by which Alma fills a set of an import run's titles.

    Raises: StepFailed when the job did not do it.
    """
    filled_by = (await context.read(calls.alma_set(set_id))).filled_by
    if not filled_by:
        await until_filled(context, set_id, most)
        return StepResult()
    pace = context.poll.first
    began_at = context.clock.now()
    while not is_terminal(run := await context.read(calls.instance(filled_by), poll=True)):
        context.progress(run.status or "no status yet", run.progress)
        text = f"job {run.job_id} is filling the set, as instance {filled_by}"
        await context.sleep(pace, Waiting(WaitingKind.JOB, text))
        pace = next_pace(pace, context.poll, None, context.clock.now() - began_at)
    context.outputs["member_count"] = (await context.read(calls.alma_set(set_id))).member_count or 0
    outcome = OUTCOME_OF_STATUS.get(run.status, Outcome.FAILED)
    message = (
        f"Alma ended the job that fills the set ({run.job_name or run.job_id}, instance "
        f"{filled_by}) as {run.status}"
    )
    if outcome is Outcome.FAILED:
        raise StepFailed(f"{message}; the set is not complete.", status=run.status)
    return StepResult(outcome, f"{message}." if outcome is Outcome.WARNING else "")
