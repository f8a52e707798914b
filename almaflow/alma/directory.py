"""Finds jobs, profiles and sets of one institution by name.

Names are compared exactly, after Unicode normalisation, because Alma's own search finds words and
would return similar names. Only of names of jobs, which are labels of Alma's and differ from one
institution to another (`Export Bibliographic Records`, `… records`), case and runs of spaces do not
count. Jobs and profiles are kept for ten minutes; sets, which steps create and delete, are not.

Source: `alma-api.md`, 8.4.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from almaflow.alma import calls
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.errors import AlmaRefused, NotInAlma
from almaflow.alma.value_parsing import job_label, normal_name
from almaflow.alma.wire import AlmaSet, ImportProfile, IntegrationProfile, Job, Page
from almaflow.late_dataclasses import dataclass
from almaflow.problems import did_you_mean

if TYPE_CHECKING:
    import anyio

    from almaflow.clock import Clock

T = TypeVar("T")

# How long lookups are kept: the job of a profile changes when a person edits the profile.
_LIFETIME = timedelta(minutes=10)

MOST_LISTED = 100_000
"""The largest number of entries read from one list; large institutions have some thousand sets."""

# "Invalid query format."
_BAD_QUERY = "60106"


class SendRead(Protocol):
    """Sends a read; the caller decides whether it is repeated."""

    def __call__(self, call: AlmaRequest[T], /) -> Awaitable[T]: ...


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


I = TypeVar("I", bound=_Identified)  # noqa: E741 - one letter as the others


async def read_pages(read: SendRead, page_at: Callable[[int], AlmaRequest[Page[I]]]) -> list[I]:
    """Return the entries of all pages; *page_at* makes the call for an offset.

    Raises:
        AlmaRefused: the list has more than `MOST_LISTED` entries.
    """
    entries: dict[str, I] = {}
    offset = 0
    while True:
        page = await read(page_at(offset))
        before = len(entries)
        # A list may shift between two pages, so an entry may appear twice; it counts once.
        entries |= {item.id: item for item in page.items}
        offset += len(page.items)
        if len(entries) == before or (page.total is not None and offset >= page.total):
            return list(entries.values())
        if len(entries) > MOST_LISTED:
            raise AlmaRefused(
                f"Alma's responses to {page_at(0).what} list more than {MOST_LISTED:,} "
                "entries, the most that almaflow reads.",
                what=page_at(0).what,
            )


LookupKey = tuple[str, ...]


@dataclass
class DirectoryCache:
    """The results of recent lookups; the directories of one institution may share them.

    While one task looks up a job, others that need the same job wait for its result: a thousand
    runs that begin at the same hour send one request, not a thousand.
    """

    entries: dict[LookupKey, tuple[datetime, Any]] = field(default_factory=dict)
    """When each result was read, and the result."""
    turns: dict[LookupKey, anyio.Lock] = field(default_factory=dict)


class Directory:
    """Finds the jobs, profiles and sets of one institution by name or id.

    *read* sends the requests, *clock* says when a cached result is too old, *institution* is its
    name in messages, and *cache* holds the lookups of other directories of the institution.
    Alma's own errors, such as for an unknown id, are raised unchanged.
    """

    def __init__(
        self,
        read: SendRead,
        clock: Clock,
        institution: str = "this institution",
        cache: DirectoryCache | None = None,
    ) -> None:
        self._read = read
        self._clock = clock
        self._institution = institution
        self._cache = DirectoryCache() if cache is None else cache

    async def job(
        self, id: str | None = None, name: str | None = None, type: str | None = "MANUAL"
    ) -> Job:
        """Return the job of this id, else of this name; *type* limits the search by name.

        With an id, the name is for people only; see `other_name`.

        Raises:
            NotInAlma: no job, or several, have this name.
        """
        if id is None:
            if not name:
                raise NotInAlma("The name of the job is empty.", noun="job", name="")
            return await self._job_named(name, type)
        return await self._keep(("job", id), lambda: self._read(calls.job(id)))

    def other_name(self, job: Job, name: str | None) -> str:
        """Return the warning that *job* has another name than *name*, or empty text."""
        if name is None or _same_label(job.name, name):
            return ""
        return f"At {self._institution}, job {job.id} is named '{job.name}', not '{name}'."

    async def integration_job(
        self,
        id: str | None = None,
        code: str | None = None,
        name: str | None = None,
        job_name: str | None = None,
    ) -> Job:
        """Return the scheduled job of an integration profile, known by id, code or name.

        *job_name* is the beginning of the job's name, for a profile that owns several.

        Raises:
            NotInAlma: no such profile, or not exactly one job of it.
        """
        if id is None:
            id = (await self._integration_profile(code, name)).id
        jobs = await self._jobs_of_profile(id)
        profile_text = f"the profile '{name or code or id}'"
        if not jobs:
            raise NotInAlma(
                f"At {self._institution}, {profile_text} has no job that can be run.",
                noun="job",
                name=job_name or "",
                advice="Check in Alma that an action of the profile is configured and active; "
                "only then does the profile have jobs.",
            )
        return self._one_of_several(jobs, job_name, profile_text)

    async def import_job(self, id: str | None = None, name: str | None = None) -> Job:
        """Return the job of an import profile, known by id or name.

        Raises:
            NotInAlma: no such profile, several of this name, or it has no job.
        """
        if id is not None:
            profile = await self._keep(("import", id), lambda: self._read(calls.import_profile(id)))
        else:
            profile = await self._import_profile_named(name or "")
        if profile.job_id:
            return await self.job(id=profile.job_id)
        jobs = await self._jobs_of_profile(profile.id)
        if len(jobs) == 1:
            return jobs[0]
        raise NotInAlma(
            f"At {self._institution}, the import profile '{profile.name or profile.id}' has "
            f"{len(jobs) or 'no'} jobs, but almaflow needs exactly one.",
            noun="job",
            name=profile.name,
            advice="Specify the job's id in a `submit_job` step, or check the profile in Alma.",
        )

    async def set_named(self, name: str) -> AlmaSet | None:
        """Return the set of exactly this name, as it is now; None when there is none.

        Raises:
            NotInAlma: *name* is empty, or several sets have it.
        """
        if not name.strip():
            raise NotInAlma("The name of the set is empty.", noun="set", name=name)
        try:
            candidates = await self._sets(f"name~{calls.words(name)}")
        except AlmaRefused as error:
            if _BAD_QUERY not in error.codes:
                raise
            # If Alma's search cannot handle a name, all sets are listed.
            candidates = await self._sets(None)
        exact = [alma_set for alma_set in candidates if _same(alma_set.name, name)]
        if len(exact) > 1:
            raise self._several("set", name, [alma_set.id for alma_set in exact])
        # Entries of a list have no member count.
        if not exact:
            return None
        return await self._read(calls.alma_set(exact[0].id))

    async def _sets(self, q: str | None) -> list[AlmaSet]:
        return await read_pages(self._read, lambda offset: calls.list_sets(q, offset=offset))

    # --- jobs -------------------------------------------------------------------------------

    async def _job_named(self, name: str, type: str | None) -> Job:
        async def load() -> list[Job]:
            return await read_pages(
                self._read, lambda offset: calls.list_jobs(type=type, offset=offset)
            )

        def named(jobs: list[Job]) -> list[Job]:
            return _labelled(jobs, name)

        jobs = await self._keep(("jobs", type or ""), load, useful=lambda kept: bool(named(kept)))
        matches = named(jobs)
        if len(matches) > 1:
            raise self._several("job", name, [job.id for job in matches])
        if not matches:
            kind = f"{type.lower()} job" if type else "job"
            raise self._none("job", name, f"{kind} named", (job.name for job in jobs), "jobs")
        return matches[0]

    async def _jobs_of_profile(self, profile_id: str) -> list[Job]:
        async def load() -> list[Job]:
            jobs = await read_pages(
                self._read,
                lambda offset: calls.list_jobs(
                    type="SCHEDULED", profile_id=profile_id, offset=offset
                ),
            )
            # If Alma ignores the filter, the jobs of other profiles must not be run.
            return [job for job in jobs if job.profile_id in ("", profile_id)]

        return await self._keep(("profile jobs", profile_id), load, useful=bool)

    def _one_of_several(self, jobs: Sequence[Job], job_name: str | None, profile: str) -> Job:
        chosen = list(jobs)
        if job_name:
            prefix = job_label(job_name)
            chosen = [job for job in jobs if job_label(job.name).startswith(prefix)]
            # One job's name may be the beginning of another's.
            chosen = _labelled(chosen, job_name) or chosen
        if len(chosen) == 1:
            return chosen[0]
        names = ", ".join(sorted(f"'{job.name}'" for job in jobs))
        begins = f", of which {len(chosen) or 'none'} begin with '{job_name}'" if job_name else ""
        raise NotInAlma(
            f"At {self._institution}, {profile} has {len(jobs)} jobs{begins}: {names}.",
            noun="job",
            name=job_name or "",
            advice="Specify one with `job`, the beginning of its name.",
        )

    # --- profiles ---------------------------------------------------------------------------

    async def _integration_profile(self, code: str | None, name: str | None) -> IntegrationProfile:
        field, wanted = ("code", code) if code is not None else ("name", name or "")
        if not wanted or not wanted.strip():
            text = f"The {field} of the profile is empty."
            raise NotInAlma(text, noun="profile", name=wanted or "")

        def label(profile: IntegrationProfile) -> str:
            return profile.code if field == "code" else profile.name

        async def load() -> list[IntegrationProfile]:
            profiles = await self._integration_profiles(f"{field}~{calls.words(wanted)}")
            return [profile for profile in profiles if _same(label(profile), wanted)]

        matches = await self._keep(("integration", field, wanted), load, useful=bool)
        if len(matches) > 1:
            raise self._several("profile", wanted, [profile.id for profile in matches])
        if not matches:
            there = [label(profile) for profile in await self._integration_profiles(None)]
            what = f"integration profile with the {field}"
            raise self._none("profile", wanted, what, there, "profiles")
        return matches[0]

    async def _integration_profiles(self, q: str | None) -> list[IntegrationProfile]:
        return await read_pages(
            self._read, lambda offset: calls.integration_profiles(q, offset=offset)
        )

    async def _import_profile_named(self, name: str) -> ImportProfile:
        async def load() -> Sequence[ImportProfile]:
            return (await self._read(calls.import_profiles())).items

        def named(profiles: Sequence[ImportProfile]) -> list[ImportProfile]:
            return [profile for profile in profiles if _same(profile.name, name)]

        profiles = await self._keep(("imports",), load, useful=lambda kept: bool(named(kept)))
        matches = named(profiles)
        if len(matches) > 1:
            raise self._several("profile", name, [profile.id for profile in matches])
        if not matches:
            there = (profile.name for profile in profiles)
            raise self._none("profile", name, "import profile named", there, "profiles")
        return matches[0]

    # --- shared -----------------------------------------------------------------------------

    async def _keep(
        self,
        key: tuple[str, ...],
        load: Callable[[], Awaitable[T]],
        useful: Callable[[T], bool] = lambda kept: True,
    ) -> T:
        """Return the lookup of *key*, loaded again when it is too old or not *useful*.

        A person who reads "has no job" creates the job and tries again.
        """
        # Without an event loop, such as when a file is checked, no other task can need the result.
        import anyio

        asked_at = self._clock.now()
        async with self._cache.turns.setdefault(key, anyio.Lock()):
            now = self._clock.now()
            if key in self._cache.entries:
                loaded_at, kept = self._cache.entries[key]
                fresh = loaded_at <= now < loaded_at + _LIFETIME
                if fresh and (loaded_at > asked_at or useful(kept)):
                    return kept  # type: ignore[no-any-return]
            loaded = await load()
            self._cache.entries[key] = (self._clock.now(), loaded)
            return loaded

    def _several(self, noun: str, name: str, ids: Iterable[str]) -> NotInAlma:
        several = sorted(ids)
        listed = ", ".join(several)
        return NotInAlma(
            f"At {self._institution}, several {noun}s are named '{name}': {listed}.",
            noun=noun,
            name=name,
            advice="Specify the id of the one that you mean.",
            found=len(several),
        )

    def _none(
        self, noun: str, name: str, what: str, there: Iterable[str], command: str
    ) -> NotInAlma:
        near = did_you_mean(name, there)
        return NotInAlma(
            f"{self._institution} has no {what} '{name}'{near or '.'}",
            noun=noun,
            name=name,
            advice=f"Use `almaflow {command} list` to see which ones exist.",
        )


def _same(one: str, other: str) -> bool:
    return normal_name(one) == normal_name(other)


def _same_label(one: str, other: str) -> bool:
    return job_label(one) == job_label(other)


def _labelled(jobs: Iterable[Job], name: str) -> list[Job]:
    """Return the jobs with this name; if any match exactly, only those."""
    labelled = [job for job in jobs if _same_label(job.name, name)]
    return [job for job in labelled if _same(job.name, name)] or labelled
