"""What a person reads, from the API of an `almaflow serve` on another machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from almaflow.late_dataclasses import dataclass
from almaflow.operations.alma_finding import JobFound, ProfileFound, SetFound
from almaflow.operations.alma_lists import JobList, ProfileList, SetList
from almaflow.operations.causes import Diagnoses, Explained, Explanation
from almaflow.operations.coming_ticks import ComingTick
from almaflow.operations.ledger import TickList, TickState, TickView
from almaflow.operations.processes import ProcessView
from almaflow.operations.run_details import RunDetails
from almaflow.operations.run_list import RunList, RunSummary
from almaflow.operations.run_log import LogLine, RunHead, RunLog
from almaflow.operations.server_connection import ServerConnection, ServerUnreachable
from almaflow.operations.shapes import read_json
from almaflow.outcome import Outcome, Status
from almaflow.timetable import find_zone

# What one request asks for at most: the bounds of the API.
_RUNS, _TICKS, _LINES = 200, 200, 10_000
# Without a limit, `ticks --since` lists all; a server is asked for no more than this.
_ALL = 1_000_000


@dataclass(frozen=True)
class ServerFacts:
    """What almaflow needs of /api/health."""

    timezone: str


class RemoteSource:
    """Answers the questions of a `LocalSource`."""

    def __init__(self, server: ServerConnection) -> None:
        self._server = server

    @cached_property
    def zone(self) -> ZoneInfo:
        facts: ServerFacts = self._get(ServerFacts, "health")
        return find_zone(facts.timezone)

    def runs(
        self, limit: int, *, workflow: str | None = None, state: Status | Outcome | None = None
    ) -> Sequence[RunSummary]:
        query = {"workflow": workflow, "status": state, "limit": min(limit, _RUNS)}
        answer = self._server.get("runs", **query)
        listed: list[RunSummary] = list(read_document(RunList, answer.text).runs)
        while answer.next and len(listed) < limit:
            answer = self._server.get_next(answer.next)
            listed += read_document(RunList, answer.text).runs
        return listed[:limit]

    def run(self, name: str) -> RunDetails:
        found: RunDetails = self._get(RunDetails, "runs", name)
        return found

    def head(self, name: str) -> RunHead:
        run = self.run(name)
        return RunHead(run.id, find_zone(run.timezone), run.status, run.worked_on)

    def log(self, name: str, *, skip: int = 0) -> RunLog:
        lines: list[LogLine] = []
        while True:
            at = skip + len(lines)
            part: RunLog = self._get(RunLog, "runs", name, "log", skip=at, limit=_LINES)
            lines += part.events
            if len(part.events) < _LINES:
                return RunLog(part.run, tuple(lines))

    def why(self, name: str) -> Explanation:
        found: Diagnoses = self._get(Diagnoses, "why", name)
        runs = tuple(Explained(self.run(one.id), one.causes) for one in found.runs)
        return Explanation(runs, found.timetable)

    def next(
        self, name: str | None, after: datetime, until: datetime, count: int
    ) -> tuple[Sequence[ComingTick], Sequence[str]]:
        found: dict[tuple[datetime, str, str], ComingTick] = {}
        while len(found) < count:
            before = len(found)
            limit = min(count - before + 1, _TICKS)
            query = {"workflow": name, "since": _text(after), "until": _text(until)}
            part: list[ComingTick] = self._get(list[ComingTick], "next", limit=limit, **query)
            found |= {(one.at, one.workflow, one.entry): one for one in part}
            if len(part) < limit or len(found) == before:
                break
            # More ticks may have the instant of the last one.
            after = part[-1].at - timedelta(seconds=1)
        return list(found.values())[:count], ()

    def ticks(
        self,
        limit: int | None,
        *,
        workflow: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        states: Collection[TickState] = (),
    ) -> Sequence[TickView]:
        query = {
            "workflow": workflow,
            "since": None if since is None else _text(since),
            "until": None if until is None else _text(until),
            "ending": list(states) or None,
        }
        return list(self._ticks(_ALL if limit is None else limit, query))

    def _ticks(self, limit: int, query: dict[str, Any]) -> Iterator[TickView]:
        answer = self._server.get("ticks", limit=min(limit, _TICKS), **query)
        while True:
            part = read_document(TickList, answer.text).ticks
            yield from part[:limit]
            limit -= len(part)
            if not answer.next or limit <= 0:
                return
            answer = self._server.get_next(answer.next)

    def workers(self) -> Sequence[ProcessView]:
        found: list[ProcessView] = self._get(list[ProcessView], "workers")
        return found

    def _get(self, shape: Any, *path: str, **query: Any) -> Any:
        return read_document(shape, self._server.get(*path, **query).text)


def read_document(shape: Any, text: bytes) -> Any:
    """Return the value of a server's document; Raises: ServerUnreachable."""
    try:
        return read_json(shape, text)
    except ValueError as error:
        raise ServerUnreachable(
            "The server runs another version of almaflow, whose documents this one cannot "
            f"read ({error}). Install the same version here."
        ) from error


def _text(at: datetime) -> str:
    """Return an instant as the API reads it, to the second."""
    return at.isoformat(timespec="seconds")


# The largest page of the API.
_PAGE = 200


class RemoteLists:
    """Each method raises `RequestWrong`, or `ServerRefused` when Alma did not answer the server."""

    def __init__(self, server: ServerConnection) -> None:
        self._server = server

    def jobs(self, institution: str | None, name: str | None, type: str | None) -> JobList:
        """Return the jobs whose name contains *name*, of a type."""
        query = {"institution": institution, "name": name, "type": type}
        pages = list(self._pages(JobList, "jobs", query))
        return JobList(pages[0].institution, tuple(one for page in pages for one in page.jobs))

    def profiles(self, institution: str | None, name: str | None) -> ProfileList:
        """Return the profiles whose name or code contains *name*."""
        pages = list(
            self._pages(ProfileList, "profiles", {"institution": institution, "name": name})
        )
        found = tuple(one for page in pages for one in page.profiles)
        return ProfileList(pages[0].institution, found)

    def sets(self, institution: str | None, name: str | None, content: str | None) -> SetList:
        """Return the sets whose name contains *name*, of a content."""
        query = {"institution": institution, "name": name, "content": content}
        pages = list(self._pages(SetList, "sets", query))
        return SetList(pages[0].institution, tuple(one for page in pages for one in page.sets))

    def job(self, institution: str | None, wanted: str) -> JobFound:
        """Return one job, by id or name."""
        found: JobFound = self._one(JobFound, "jobs", wanted, institution)
        return found

    def profile(self, institution: str | None, wanted: str) -> ProfileFound:
        """Return one profile, by id, code or name."""
        found: ProfileFound = self._one(ProfileFound, "profiles", wanted, institution)
        return found

    def set(self, institution: str | None, wanted: str) -> SetFound:
        """Return one set, by id or name."""
        found: SetFound = self._one(SetFound, "sets", wanted, institution)
        return found

    def _one(self, shape: type, what: str, wanted: str, institution: str | None) -> Any:
        return read_document(shape, self._server.get(what, wanted, institution=institution).text)

    def _pages(self, shape: type, what: str, query: dict[str, Any]) -> Iterator[Any]:
        answer = self._server.get(what, limit=_PAGE, **query)
        yield read_document(shape, answer.text)
        while answer.next:
            answer = self._server.get_next(answer.next)
            yield read_document(shape, answer.text)
