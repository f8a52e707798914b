"""`wait_for_run`: a run that Alma's own scheduler, or a person, has started. Only reads."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, model_validator

from almaflow.alma import calls
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.directory import read_pages
from almaflow.alma.value_parsing import normal_name
from almaflow.alma.wire import JobInstance
from almaflow.durations import duration_meant, parse_duration
from almaflow.field_types import Expression, Template, refused
from almaflow.outcome import Outcome
from almaflow.steps.context import StepContext, Submission
from almaflow.steps.job_step import GROWTH, JobStep, begin_following
from almaflow.steps.literals import literal
from almaflow.steps.result import BlockExit, StepFailed, StepResult
from almaflow.steps.run_profile import ImportProfileRef, IntegrationProfileRef
from almaflow.steps.submit_job import JobReference, named_job
from almaflow.waiting import Waiting, WaitingKind

T = TypeVar("T")

# Alma cuts names to 255 characters.
_LONGEST_PATTERN = 1_000
# Other years would lead out of the calendar when they are compared.
_YEARS = range(1900, 2200)

# For checking a literal `since`; which one does not matter.
_SOME_INSTANT = datetime(2026, 1, 1, tzinfo=UTC)

Since = Annotated[Template, literal("bad_since", lambda text: read_since(text, _SOME_INSTANT))]
"""An instant, a day, a time of day, or a duration before now."""

_TIME_OF_DAY = re.compile(r"\d\d:\d\d(:\d\d)?")


class WaitForRun(JobStep):
    """Wait for a job that Alma or a person starts, follow it to its end and check it.

    The newest instance since `since` counts, except those that this almaflow started. Give the
    step a `timeout`; without one it waits until the timeout of the run.
    """

    key = "wait_for_run"
    foreign: ClassVar[str] = "almaflow.steps.foreign_keys:WAIT_FOR_RUN"
    starts_job = False
    example = """\
- id: nightly
  wait_for_run:
    job: {name: Publishing Platform Job General Publishing}
    since: "{{ run.scheduled_at - hours(6) }}"
    expect:
      - counters.number('c.jobs.publishing.failed.publishing', 0) == 0
  timeout: 8h
- id: recent
  wait_for_run: {job: M58, since: "-13d", name: "Unused*", if_none: skip}
"""

    job: JobReference | None = Field(
        default=None,
        description="The job: its id, its name, or both. With `integration`, `name` is the "
        "beginning of the name of the job of that profile.",
    )
    integration: IntegrationProfileRef | None = Field(
        default=None, description="The integration profile of the job."
    )
    import_: ImportProfileRef | None = Field(
        default=None, alias="import", description="The import profile of the job."
    )
    since: Since | None = Field(
        default=None,
        description="The earliest time at which the instance may have been submitted: an instant, "
        'a day, a time of day such as "22:00" (the last one), or a duration before now such as '
        '"-13d"; default: `run.scheduled_at`.',
    )
    if_none: Literal["wait", "fail", "skip", "continue"] = Field(
        default="wait",
        description="What happens when there is no such instance yet: `wait` for one (default); "
        "`fail`; `skip`, which ends the run (or the iteration, or the called workflow) as skipped "
        "because there is nothing to do; or `continue`, which skips only this step.",
    )
    name: Template | None = Field(
        default=None,
        description="A pattern for the name of the instance, at most 1,000 characters: `*` "
        "matches any characters, `?` one character, `[abc]` one of these.",
    )

    @model_validator(mode="after")
    def _some_time(self) -> WaitForRun:
        if self.if_none != "wait" and self.since is None:
            raise refused(
                "choose_one",
                "`if_none` needs `since`: without it, only an instance that was started after the "
                "beginning of this run would count. Write how far back to search, such as "
                '`since: "-13d"`.',
                key="if_none",
            )
        return self

    def may_do_nothing(self) -> str:
        return (
            "there may be no instance (`if_none: continue`)" if self.if_none == "continue" else ""
        )

    def may_end_block(self) -> bool:
        return self.if_none == "skip"

    @model_validator(mode="after")
    def _one_source(self) -> WaitForRun:
        profiles = [one for one in (self.integration, self.import_) if one is not None]
        if len(profiles) > 1 or (not profiles and self.job is None):
            message = "`wait_for_run` needs one of `job`, `integration` and `import`."
            raise refused("choose_one", message)
        if self.import_ is not None and self.job is not None:
            raise refused("choose_one", "An import profile has only one job. Omit `job`.")
        if self.integration is not None and self.job is not None and self.job.id is not None:
            message = (
                "With `integration`, `job` may have a `name` only: the beginning of the name "
                "of the job."
            )
            raise refused("choose_one", message)
        return self

    async def perform(self, context: StepContext) -> StepResult:
        job = await context.once("job", lambda: self._resolve(context))
        found = await context.once("adopted", lambda: self._find(context, job["id"]))
        if found is None:
            return self._none(context, job["name"] or job["id"])
        context.say(f"Following {found['name'] or job['name']}, instance {found['id']} in Alma.")
        run = Submission(found["id"], found["at"])
        begin_following(context, job["id"], run)
        if not self.wait:
            return StepResult()
        return await self.follow_and_judge(context, job["id"], job["name"], run, look_now=True)

    def _none(self, context: StepContext, job: str) -> StepResult:
        """Return how the step ends without an instance; Raises: StepFailed."""
        since = self._since(context)
        pattern = "" if self.name is None else f" named `{context.text(self.name)}`"
        text = f"There is no instance of {job}{pattern} since {since:%Y-%m-%d %H:%M %Z}."
        if self.if_none == "fail":
            raise StepFailed(text)
        return StepResult(Outcome.SKIPPED, text, BlockExit.SKIP if self.if_none == "skip" else None)

    async def _resolve(self, context: StepContext) -> dict[str, str]:
        directory = context.directory
        if self.integration is not None:
            profile, begins = self.integration, self.job.name if self.job else None
            job = await directory.integration_job(
                id=profile.id, code=profile.code, name=profile.name, job_name=begins
            )
        elif self.import_ is not None:
            job = await directory.import_job(id=self.import_.id, name=self.import_.name)
        else:
            assert self.job is not None
            job = await named_job(context, self.job, None)
        return {"id": job.id, "name": job.name}

    async def _find(self, context: StepContext, job_id: str) -> dict[str, Any] | None:
        """Return the newest run, `{id, name, at}`; with `if_none: wait` wait until there is one."""
        pattern = "*" if self.name is None else _pattern(context.text(self.name))
        poll = self.poll or context.poll
        pace = poll.first
        while True:
            runs = await self._runs(context, job_id, pattern)
            if runs:
                at, newest = max(runs, key=lambda pair: pair[0])
                return {"id": newest.id, "name": newest.name, "at": at}
            if self.if_none != "wait":
                return None
            named = "" if self.name is None else f" named `{pattern}`"
            since = self._since(context)
            text = f"no instance of job {job_id}{named} since {since:%Y-%m-%d %H:%M %Z} yet"
            await context.sleep(pace, Waiting(WaitingKind.JOB, text))
            pace = min(max(poll.first, poll.max), pace * GROWTH)

    async def _runs(
        self, context: StepContext, job_id: str, pattern: str
    ) -> list[tuple[datetime, JobInstance]]:
        """Return the runs that may be meant, each with when Alma accepted it."""
        # Alma's dates are days in a separate zone.
        day = (self._since(context, by_alma=True).astimezone(UTC) - timedelta(days=1)).date()

        async def look(call: AlmaRequest[T]) -> T:
            return await context.read(call, poll=True)

        async def by_alma() -> datetime:
            return self._since(context, by_alma=True)

        listed = await read_pages(
            look, lambda offset: calls.instances(job_id, submitted_from=day, offset=offset)
        )
        # Alma has told its clock by now. Ours may be set later, which changes nothing any more.
        since = await context.once("since", by_alma)
        ours = await context.claimed(job_id)
        return [
            (run.submit_time, run)
            for run in listed
            if run.id not in ours
            and run.submit_time is not None
            and run.submit_time >= since
            and fnmatchcase(normal_name(run.name), pattern)
        ]

    def _since(self, context: StepContext, *, by_alma: bool = False) -> datetime:
        """Return from when on a run counts, by our clock or by Alma's."""
        if self.since is None:
            found = context.evaluate(Expression("run.scheduled_at"), by_alma=by_alma)
            assert isinstance(found, datetime)
            return found
        now = context.now
        if by_alma:
            now = context.alma_time(now)
        return read_since(context.value(self.since, by_alma=by_alma), now)


def read_since(value: Any, now: datetime) -> datetime:
    """Return the instant that *value* means: an instant, a day, the last time of day, or `-13d`.

    *now* is aware and in the zone in which *value* is meant.

    Raises: StepFailed.
    """
    if isinstance(value, str):
        value = _parsed(value.strip())
    if isinstance(value, date) and value.year not in _YEARS:
        raise StepFailed(
            f"`since` is `{value}`, which is before the year {_YEARS[0]} or after the year "
            f"{_YEARS[-1]}. Use an instant at which Alma may have started the job."
        )
    if isinstance(value, timedelta):
        # In UTC: a day of the clock on the wall may have 23 hours.
        return (now.astimezone(UTC) - value).astimezone(now.tzinfo)
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=now.tzinfo)
    if isinstance(value, date):
        return datetime.combine(value, time(), tzinfo=now.tzinfo)
    if isinstance(value, time):
        today = datetime.combine(now.date(), value, tzinfo=now.tzinfo)
        return today if today <= now else today - timedelta(days=1)
    raise StepFailed(
        f"`since` is `{value}`, which is not a valid instant (2026-12-24T18:00), day "
        "(2026-12-24), time of day (22:00) or duration before now (-13d)."
        + _since_meant(str(value))
    )


_DAYS_AGO = {
    **dict.fromkeys(("yesterday", "gestern", "hier", "ayer", "אתמול", "昨天"), "-1d"),
    **dict.fromkeys(("last week", "a week ago", "letzte woche"), "-7d"),
    **dict.fromkeys(("today", "heute"), "00:00"),
}
_EPOCH_MS = re.compile(r"1[0-9]{12}")


def _since_meant(text: str) -> str:
    """Return what to write in place of *text*, as a sentence after a space, or nothing."""
    from almaflow.timetable.spoken_times import instant_meant

    given = text
    text = re.sub(r"^now\s*(?=-)|\s*ago$", "", text.strip())
    text = re.sub(r"^-\s+", "-", text)
    meant = _DAYS_AGO.get(text.casefold(), "") or instant_meant(text)
    if not meant and _EPOCH_MS.fullmatch(text):
        meant = datetime.fromtimestamp(int(text) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if not meant:
        meant = duration_meant(text.removeprefix("-").strip())
        meant = meant and f"-{meant}"
    # One that is written well is too long ago.
    return f' Write `since: "{meant}"`.' if meant not in ("", given) else ""


def _parsed(text: str) -> date | datetime | time | timedelta | str:
    if text.startswith("-"):
        with suppress(ValueError):
            return parse_duration(text[1:])
    # Digits alone would be read as a time of day as well: 2026 as 20:26.
    if _TIME_OF_DAY.fullmatch(text):
        with suppress(ValueError):
            return time.fromisoformat(text)
    with suppress(ValueError):
        return date.fromisoformat(text)
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return text


def _pattern(text: str) -> str:
    """Return a pattern for normal names; Raises: StepFailed when it is too long for any."""
    if len(text) > _LONGEST_PATTERN:
        raise StepFailed(
            f"`name` has {len(text):,} characters, but at most {_LONGEST_PATTERN:,} are "
            "allowed, because no instance has a longer name."
        )
    return normal_name(text)
