"""One entry of a workflow's `schedule`: when runs are due."""

from datetime import timedelta
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from almaflow import timetable
from almaflow.durations import duration_meant
from almaflow.field_types import Duration, Model, Several, Text, Value, exactly_one, refused
from almaflow.model_fields import fields_of
from almaflow.steps.base import IDENTIFIER
from almaflow.yaml_in_line import in_line

TIMINGS = ("cron", "daily", "weekly", "monthly", "every", "dates")
"""The keys that say when; an entry has one of them."""


def _refuse_several(data: dict[str, Any]) -> None:
    """Refuse several timings in one entry when each of them is whole, with its time."""
    texts = {key: getattr(data[key], "text", data[key]) for key in TIMINGS if key in data}
    if all(isinstance(one, str) and any(map(str.isdigit, one)) for one in texts.values()):
        each = " and ".join(f"`- {in_line({key: text})}`" for key, text in texts.items())
        why = f"An entry of a schedule has one timing. Write an entry for each: {each}."
        raise refused("choose_one", why, key=[*texts][1])


class ScheduleEntry(Model):
    """When the workflow is due: one of `cron`, `daily`, `weekly`, `monthly`, `every`, `dates`."""

    foreign: ClassVar[str] = "almaflow.foreign_keys:SCHEDULE"

    short: ClassVar[str | None] = "cron"

    id: Text | None = Field(
        default=None,
        pattern=IDENTIFIER,
        description="The name under which its ticks are recorded; optional.",
    )
    cron: Text | None = Field(
        default=None,
        description="Five fields: minute, hour, day of the month, month, weekday (crontab's "
        "own meaning: 0 and 7 are Sunday); also `L`, `mon#2`, `@daily`. Put it in quotes.",
    )
    daily: Text | None = Field(
        default=None, description="A time of day, such as `02:30`: every day at this time."
    )
    weekly: Text | None = Field(
        default=None,
        description="Weekdays and a time of day, such as `mon 06:00` or `mon,thu 06:00`.",
    )
    monthly: Text | None = Field(
        default=None,
        description="A day of the month and a time of day, such as `1 06:00` or `last 06:00`.",
    )
    every: Duration | None = Field(
        default=None, description="The elapsed time between two ticks, counted from `starts`."
    )
    dates: Several[Text] | None = Field(
        default=None, description="Days (2026-12-24, at midnight) or instants (2026-12-24T18:00)."
    )
    timezone: Text | None = Field(
        default=None, description="An IANA zone, if it differs from the workflow's."
    )
    starts: Text | None = Field(default=None, description="No ticks before this date.")
    ends: Text | None = Field(default=None, description="No ticks after this date.")
    inputs: dict[str, Value] = Field(
        default={}, description="Inputs for the runs of this entry; templates are allowed."
    )
    jitter: Duration | None = Field(
        default=None, description="The maximum random delay of each tick."
    )
    except_: Several[Text] = Field(
        default=[],
        alias="except",
        description="Calendars of almaflow.yaml. A tick on one of their days is skipped.",
    )
    missed: Literal["latest", "all", "none"] = Field(
        default="latest",
        description="What happens to ticks that passed while almaflow was not running: run "
        "the `latest` (default), `all`, or `none`.",
    )
    max_age: Duration | None = Field(
        default=None, description="A tick that is older than this is missed and never runs."
    )

    @model_validator(mode="before")
    @classmethod
    def _not_in_parts(cls, data: Any) -> Any:
        known = fields_of(cls)
        if isinstance(data, dict) and len(data.keys() & {*TIMINGS}) > 1:
            _refuse_several(data)
        # Texts under our own keys, as in most files, are no parts: nothing is imported for them.
        if isinstance(data, dict) and not all(
            key in known and isinstance(value, str) for key, value in data.items()
        ):
            keys, words = timetable.words_of_parts(data, (*known,))
            if words:
                parts = " and ".join(f"`{key}`" for key in keys)
                why = (
                    "A schedule entry has one key with the days and the time of day. "
                    f"Write `{words}` in place of {parts}."
                )
                raise refused("bad_time", why, key=keys[0])
            for key in ("daily", "weekly", "monthly"):
                if isinstance(data.get(key), list) and len(data[key]) > 1:
                    entries = ", ".join(f"{{{key}: {in_line(one)}}}" for one in data[key])
                    why = f"`{key}` takes one time. Write an entry for each: `[{entries}]`."
                    raise refused("bad_time", why, key=key)
        return data

    @field_validator("every", mode="before")
    @classmethod
    def _not_a_time_of_day(cls, data: Any) -> Any:
        text = getattr(data, "text", data)
        words = timetable.words_of_text(text) if isinstance(text, str) else ""
        if words and not duration_meant(text):
            why = f"`every` takes a duration, such as `6h`. For `{text}`, write `{words}`."
            raise refused("bad_duration", why)
        return data

    _exactly_one = exactly_one(*TIMINGS, of="A schedule entry")

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        if self.every is not None and self.every < timedelta(seconds=1):
            raise refused("bad_duration", "`every` must be at least one second.")
        return self

    @property
    def expression(self) -> str | None:
        """The cron expression; of `every` and `dates` None.

        Raises: TimetableInvalid.
        """
        for key in ("daily", "weekly", "monthly"):
            text = getattr(self, key)
            if text is not None:
                return timetable.day_time_cron(key, text)
        return self.cron
