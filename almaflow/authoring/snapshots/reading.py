"""Reads what a snapshot holds of one institution: a bounded number of requests, each only a read.

The lists come first: jobs, profiles and code tables. Then come the instances of the jobs that the
project's workflows use, and of common ones, and the details of jobs (what they work on), as far as
the bound allows: those that are used first, then those that were never read. What the key may not
read is missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, timedelta
from typing import Protocol, TypeVar

import anyio

from almaflow.alma import calls
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.directory import read_pages
from almaflow.alma.errors import (
    AlmaBusy,
    AlmaError,
    AlmaRefused,
    AlmaUnreachable,
    NotInAlma,
    ResponseLost,
    Threshold,
)
from almaflow.alma.wire import General, Job, JobInstance
from almaflow.authoring.snapshots.entries import (
    detailed,
    import_entry,
    integration_entry,
    job_entry,
    jobs_by_profile,
    with_earlier,
)
from almaflow.authoring.snapshots.sightings import counters_in, statuses_in
from almaflow.authoring.snapshots.used_steps import (
    UsedStep,
    payload_parameters,
    used_jobs,
    used_profiles,
)
from almaflow.check.job_sets import SET_JOBS
from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass
from almaflow.snapshot.model import (
    CATEGORIES,
    CONTENTS,
    FROM_ALMA,
    FROM_PAYLOAD,
    IMPORT_PROFILES,
    INTEGRATION_PROFILES,
    JOBS,
    STATUSES,
    ProfileEntry,
    Section,
)

T = TypeVar("T")

MOST_REQUESTS = 300
"""How many requests are sent to an institution by default. Alma allows some 100,000 a day."""

WEEKS = 4
"""How far back instances of jobs are read; Alma's answer has the newest 100."""

_TABLES = {
    STATUSES: ("systemJobStatus",),
    CONTENTS: ("SetContentType",),
    CATEGORIES: ("HPaTaskChain.type", "systemJobsGroups"),
}

# Pauses (seconds) before a read is repeated after Alma did not answer properly.
_PAUSES = (2.0, 8.0, 30.0)


class SnapshotPostponed(AlmaflowError):
    """The calls that Alma allows today are used up to the reserve; nothing was written."""


class SnapshotTooLarge(AlmaflowError):
    """The lists of an institution take more requests than are allowed; nothing was written."""


class ReadableAlma(Protocol):
    """An open institution."""

    @property
    def institution(self) -> str: ...

    @property
    def remaining_calls(self) -> int | None: ...

    @property
    def reserve_calls(self) -> int: ...

    async def read(self, call: AlmaRequest[T], /) -> T: ...


@dataclass(frozen=True)
class Reading:
    """What Alma showed: a new section, and what is not complete in it.

    *refused* are the parts that the key may not read, with Alma's reason. *not_detailed* are jobs
    whose details were not read because of the bound.
    """

    section: Section
    requests: int
    refused: dict[str, str] = field(default_factory=dict)
    not_detailed: int = 0


class SectionReader:
    """Reads one institution. *earlier* is its section of the snapshot before, if there is one."""

    def __init__(
        self,
        alma: ReadableAlma,
        steps: Sequence[UsedStep],
        earlier: Section | None,
        *,
        most_requests: int = MOST_REQUESTS,
        used_only: bool = False,
    ) -> None:
        self._alma = alma
        self._steps = steps
        self._earlier = earlier
        self._most = most_requests
        self._used_only = used_only
        self._refused: dict[str, str] = {}
        self._errors: list[AlmaError] = []
        self._has_read = False
        self.requests = 0

    async def general(self) -> General:
        """Read which institution Alma says it is; empty when the key may not read that."""
        read = await self._part("general", self._send(calls.general()))
        self._check_reserve()
        return read if read is not None else General()

    async def read(self, general: General, today: date) -> Reading:
        """Read everything else.

        Raises:
            AlmaError: Alma did not respond, or refused every part.
            SnapshotPostponed: too few calls are left today.
            SnapshotTooLarge: the lists take more requests than are allowed.
        """
        pages = read_pages(self._send, lambda offset: calls.list_jobs(offset=offset))
        jobs = await self._part(JOBS, pages)
        section = Section(
            self._alma.institution,
            today,
            code=general.institution_code,
            environment=general.environment,
            jobs=tuple(map(job_entry, jobs or ())),
        )
        section = replace(section, profiles=await self._profiles(section))
        tables = {
            part: await self._part(part, self._table(names)) or {}
            for part, names in _TABLES.items()
        }
        section = replace(
            section,
            statuses=tables[STATUSES],
            contents=tables[CONTENTS],
            categories=tables[CATEGORIES],
        )
        parts = {JOBS, INTEGRATION_PROFILES, IMPORT_PROFILES, *_TABLES}
        if parts <= self._refused.keys():
            raise self._errors[0]
        section = replace(section, missing=tuple(sorted(parts & self._refused.keys())))
        section = await self._with_jobs_of_profiles(section)
        section, not_detailed = await self._with_details(section, today)
        return Reading(section, self.requests, self._refused, not_detailed)

    # --- the lists --------------------------------------------------------------------------

    async def _profiles(self, section: Section) -> tuple[ProfileEntry, ...]:
        pages = read_pages(self._send, lambda offset: calls.integration_profiles(offset=offset))
        integration = await self._part(INTEGRATION_PROFILES, pages)
        imports = await self._part(IMPORT_PROFILES, self._send(calls.import_profiles()))
        owned = jobs_by_profile(section.jobs)
        return (
            *(integration_entry(one, owned) for one in integration or ()),
            *(import_entry(one, owned) for one in (imports.items if imports is not None else ())),
        )

    async def _table(self, names: Iterable[str]) -> dict[str, str]:
        rows: dict[str, str] = {}
        for name in names:
            rows |= dict((await self._send(calls.code_table(name))).rows)
        return rows

    # --- what is read of single jobs --------------------------------------------------------

    async def _with_jobs_of_profiles(self, section: Section) -> Section:
        """Return *section* with the jobs of used profiles; the list may not say whose they are."""
        wanted = used_profiles(self._steps, section)
        found = {one.id: one for one in section.profiles}
        for id in wanted:
            if not found[id].jobs and self._has_room:
                jobs = await self._optional(calls.list_jobs(type="SCHEDULED", profile_id=id))
                listed = jobs.items if jobs is not None else ()
                mine = tuple(sorted(job.id for job in listed if job.profile_id in ("", id)))
                found[id] = replace(found[id], jobs=mine)
        return replace(section, profiles=tuple(found.values()))

    async def _with_details(self, section: Section, today: date) -> tuple[Section, int]:
        """Return *section* with instances and details, and how many jobs have no details."""
        used = used_jobs(self._steps, section)
        names = payload_parameters(self._steps, section)
        runs: dict[str, Sequence[JobInstance]] = {}
        details: dict[str, Job] = {}
        if not self._used_only:
            await self._read_instances(used, today, runs)
        await self._read_details(used, details)
        if not self._used_only:
            # A workflow that is still to be written will probably use one of these.
            common = [id for id in SET_JOBS if id in section.job_lookup.by_id and id not in runs]
            await self._read_instances(common, today, runs)
            await self._read_details(self._not_used(section, used), details)
        section = replace(
            section,
            counters=tuple(entry for id, seen in runs.items() for entry in counters_in(id, seen)),
            statuses_seen=tuple(
                entry for id, seen in runs.items() for entry in statuses_in(id, seen)
            ),
        )
        return self._put_together(section, details, names)

    def _put_together(
        self, section: Section, details: Mapping[str, Job], names: Mapping[str, tuple[str, ...]]
    ) -> tuple[Section, int]:
        """Return *section* with the details of its jobs, and of how many they are not known."""
        before = {job.id: job for job in self._earlier.jobs} if self._earlier is not None else {}
        jobs, not_detailed = [], 0
        for job in section.jobs:
            earlier = before.get(job.id)
            if job.id in details:
                job = detailed(job, details[job.id])
            elif earlier is not None and earlier.name == job.name:
                job = with_earlier(job, earlier)
            not_detailed += job.type == "MANUAL" and not job.content and job.id not in details
            if job.id in names and job.parameters_from != FROM_ALMA:
                job = replace(job, parameters=names[job.id], parameters_from=FROM_PAYLOAD)
            jobs.append(job)
        return replace(section, jobs=tuple(jobs)), not_detailed

    def _not_used(self, section: Section, used: Sequence[str]) -> list[str]:
        """Return the other jobs whose list entry is slim, those that were never read first."""
        slim = [job.id for job in section.jobs if job.type == "MANUAL" and not job.content]
        earlier = self._earlier.jobs if self._earlier is not None else ()
        known = {job.id for job in earlier if job.content}
        slim.sort(key=lambda id: (id in known, len(id), id))
        return [id for id in slim if id not in used]

    async def _read_details(self, jobs: Iterable[str], details: dict[str, Job]) -> None:
        for id in jobs:
            if self._has_room and (read := await self._optional(calls.job_details(id))):
                details[id] = read

    async def _read_instances(
        self, jobs: Iterable[str], today: date, runs: dict[str, Sequence[JobInstance]]
    ) -> None:
        since = today - timedelta(weeks=WEEKS)
        for id in jobs:
            if self._has_room:
                page = await self._optional(calls.instances(id, submitted_from=since))
                runs[id] = page.items if page is not None else ()

    # --- sending ----------------------------------------------------------------------------

    @property
    def _has_room(self) -> bool:
        """Whether the bound and the reserve of the day allow another request."""
        left = self._alma.remaining_calls
        return self.requests < self._most and (left is None or left > self._alma.reserve_calls)

    def _check_reserve(self) -> None:
        left = self._alma.remaining_calls
        if left is not None and left <= self._alma.reserve_calls:
            raise SnapshotPostponed(
                f"Alma allows {left:,} more calls today at {self._alma.institution}, and "
                f"{self._alma.reserve_calls:,} are reserved for running workflows "
                "(`limits.reserve_calls`). Nothing was written. Repeat the command after midnight."
            )

    def _check_bound(self) -> None:
        if self.requests >= self._most:
            raise SnapshotTooLarge(
                f"Reading {self._alma.institution} takes more than {self._most:,} requests. "
                "Nothing was written. Allow more, such as `almaflow snapshot --requests "
                f"{self._most * 10}`."
            )

    async def _part(self, part: str, read: Awaitable[T]) -> T | None:
        """Return what *read* reads; None, and the reason noted, when Alma refuses it."""
        try:
            return await read
        except (AlmaRefused, ResponseLost) as error:
            if isinstance(error, AlmaRefused) and error.foreign:
                raise
            if isinstance(error, ResponseLost) and not self._has_read:
                # Nothing has been read yet, so each other part would be tried as often in vain.
                raise
            self._refused[part] = str(error)
            self._errors.append(error)
            return None

    async def _optional(self, call: AlmaRequest[T]) -> T | None:
        """Return the response to a request that can be missing: a job may be gone by now."""
        try:
            return await self._send(call)
        except (AlmaRefused, ResponseLost, NotInAlma):
            return None

    async def _send(self, call: AlmaRequest[T], /) -> T:
        """Send a read, several times when Alma asks for patience or does not answer properly."""
        for pause in (*_PAUSES, None):
            first = self.requests == 0
            self._check_bound()
            self.requests += 1
            try:
                result = await self._alma.read(call)
                self._has_read = True
                return result
            except (AlmaBusy, AlmaUnreachable, ResponseLost) as error:
                day = isinstance(error, AlmaBusy) and error.threshold is Threshold.DAY
                # A host that never answered is probably the wrong one.
                if pause is None or day or (first and isinstance(error, AlmaUnreachable)):
                    raise
                await anyio.sleep(pause)
        raise AssertionError("the last pause is None")
