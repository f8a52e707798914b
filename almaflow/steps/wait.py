"""`wait`: nothing for a while, or until a time. No calls."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from almaflow.expressions import NUMBER
from almaflow.fields import Template, format_duration, parse_duration
from almaflow.steps.base import Ending, Kind, StepContext, StepFailed


class Wait(Kind):
    """Wait for a while (`wait: 10m`) or until a time of day or an instant."""

    key = "wait"
    short: ClassVar[str | None] = "for"
    outputs: ClassVar = {"waited": NUMBER}
    example = """\
- wait: 10m
- wait: {until: "06:00"}
"""

    for_: Annotated[
        Template | None, Field(alias="for", description="How long: `90s`, `10m`, `1h30m`.")
    ] = None
    until: Annotated[
        Template | None,
        Field(
            description='A time of day in the workflow\'s zone, such as "06:00" (the next one '
            "after the step begins), or an instant, such as 2026-12-24T18:00."
        ),
    ] = None

    @field_validator("for_")
    @classmethod
    def _literal_duration(cls, given: Template | None) -> Template | None:
        if given is not None and "{{" not in given.text:
            try:
                parse_duration(given.text)
            except ValueError as error:
                raise PydanticCustomError("bad_duration", "{why}", {"why": str(error)}) from None
        return given

    @field_validator("until")
    @classmethod
    def _literal_time(cls, given: Template | None) -> Template | None:
        if given is not None and "{{" not in given.text:
            try:
                read_time(given.text)
            except ValueError as error:
                raise PydanticCustomError("bad_time", "{why}", {"why": str(error)}) from None
        return given

    @model_validator(mode="after")
    def _exactly_one(self) -> Wait:
        if (self.for_ is None) == (self.until is None):
            raise PydanticCustomError("choose_one", "`wait` needs either `for` or `until`.")
        return self

    async def perform(self, context: StepContext) -> Ending:
        end = self._end(context)
        await context.wait_until(end, f"until {end:%Y-%m-%d %H:%M:%S %Z}")
        context.outputs["waited"] = max(0, round((end - context.now).total_seconds()))
        return Ending()

    def _end(self, context: StepContext) -> datetime:
        if self.for_ is not None:
            try:
                return context.now + parse_duration(context.text(self.for_))
            except ValueError as error:
                raise StepFailed(str(error)) from error
        assert self.until is not None
        return next_instant(context.text(self.until), context.now)


def read_time(text: str) -> time | datetime:
    """Read `06:00` or `2026-12-24T18:00`.

    Raises:
        ValueError: *text* is neither; says what to write.
    """
    for read in (time.fromisoformat, datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    raise ValueError(
        f"`{text}` is neither a time of day (06:00) nor an instant (2026-12-24T18:00)."
    )


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
        return of_day if of_day.tzinfo else of_day.replace(tzinfo=now.tzinfo)
    for days in range(2):
        day = now.date() + timedelta(days=days)
        instant = datetime.combine(day, of_day, tzinfo=now.tzinfo)
        if instant.timestamp() > now.timestamp():
            return instant
    raise StepFailed(f"`{text}` does not come within a day of {format_duration(timedelta())}.")
