"""`wait`: nothing for a while, or until a time. No calls."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from almaflow.expressions import NUMBER
from almaflow.field_types import Template, exactly_one, parse_duration
from almaflow.steps.base import Kind
from almaflow.steps.literals import Duration, literal
from almaflow.steps.result import StepFailed, StepResult
from almaflow.waiting import Waiting, WaitingKind

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext


def read_time(text: str) -> time | datetime:
    """Read `06:00` or `2026-12-24T18:00`.

    Raises:
        ValueError: *text* is neither; says what to write.
    """
    try:
        of_day = time.fromisoformat(text)
        if of_day.tzinfo is None:
            return of_day
    except ValueError:
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    from almaflow.timetable.spoken_times import instant_meant

    meant = instant_meant(text)
    advice = f' Write `until: "{meant}"`.' if meant else ""
    raise ValueError(
        f"`{text}` is not a valid time of day (06:00) or instant (2026-12-24T18:00).{advice}"
    )


class Wait(Kind):
    """Wait for a while (`wait: 10m`) or until a time of day or an instant."""

    key = "wait"
    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:WAIT"
    short: ClassVar[str | None] = "for"
    outputs: ClassVar = {"waited": NUMBER}
    example = """\
- wait: 10m
- wait: {until: "06:00"}
"""

    for_: Duration | None = Field(
        default=None, alias="for", description="How long: `90s`, `10m`, `1h30m`."
    )
    until: Annotated[Template, literal("bad_time", read_time)] | None = Field(
        default=None,
        description='A time of day in the zone of the workflow, such as "06:00" (the next '
        "one after the step begins), or an instant, such as 2026-12-24T18:00.",
    )

    _exactly_one = exactly_one("for_", "until")

    async def perform(self, context: StepContext) -> StepResult:
        end = self._end(context)
        text = f"until {end:%Y-%m-%d %H:%M:%S %Z}"
        waiting = Waiting(WaitingKind.TIME, text, until=end)
        await context.wait_until(end, waiting)
        while self.until is not None and context.clock.now() < end:
            # The clock was set back meanwhile: it is not that time yet.
            await context.wait_until(end, waiting)
        context.outputs["waited"] = max(0, round(end.timestamp() - context.now.timestamp()))
        return StepResult()

    def _end(self, context: StepContext) -> datetime:
        if self.for_ is not None:
            try:
                # In UTC: an hour later by the clock on the wall may be two.
                end = context.now.astimezone(UTC) + parse_duration(context.text(self.for_))
                return end.astimezone(context.now.tzinfo)
            except ValueError as error:
                raise StepFailed(str(error)) from error
        assert self.until is not None
        return next_instant(context.text(self.until), context.now)


def next_instant(text: str, now: datetime) -> datetime:
    """Return the instant that *text* names: a time of day after *now*, or an instant.

    *now* is aware and in the zone in which *text* is meant. A time of day that the clocks skip
    counts as the same distance after the switch; of one they repeat, the first.

    Raises: StepFailed.
    """
    try:
        of_day = read_time(text)
    except ValueError as error:
        raise StepFailed(str(error)) from error
    if isinstance(of_day, datetime):
        instant = of_day if of_day.tzinfo else of_day.replace(tzinfo=now.tzinfo)
    else:
        instant = datetime.combine(now.date(), of_day, tzinfo=now.tzinfo)
        if instant.timestamp() <= now.timestamp():
            tomorrow = now.date() + timedelta(days=1)
            instant = datetime.combine(tomorrow, of_day, tzinfo=now.tzinfo)
    # By way of UTC a time that the clocks skip becomes the one that they show then.
    return instant.astimezone(UTC).astimezone(now.tzinfo)
