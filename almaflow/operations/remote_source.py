"""What a person reads, from the API of an `almaflow serve` on another machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from almaflow.json_data import copied
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

T = TypeVar("T")

# What one request asks for at most: the bounds of the API, of lists and of the log.
_PAGE, _LINES = 200, 10_000
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
        return find_zone(self._get(ServerFacts, "health").timezone)

    def runs(
        self, limit: int, *, workflow: str | None = None, state: Status | Outcome | None = None
    ) -> Sequence[RunSummary]:
        query = {"workflow": workflow, "status": state, "limit": min(limit, _PAGE)}
        pages = _pages(self._server, RunList, "runs", **query)
        return list(islice((run for page in pages for run in page.runs), limit))

    def run(self, name: str) -> RunDetails:
        return self._get(RunDetails, "runs", name)

    def head(self, name: str) -> RunHead:
        run = self.run(name)
        return RunHead(run.id, find_zone(run.timezone), run.status, run.worked_on)

    def log(self, name: str, *, skip: int = 0) -> RunLog:
        lines: list[LogLine] = []
        while True:
            at = skip + len(lines)
            part = self._get(RunLog, "runs", name, "log", skip=at, limit=_LINES)
            lines += part.events
            if len(part.events) < _LINES:
                return RunLog(part.run, tuple(lines))

    def why(self, name: str) -> Explanation:
        found = self._get(Diagnoses, "why", name)
        runs = tuple(Explained(self.run(one.id), one.causes) for one in found.runs)
        return Explanation(runs, found.timetable)

    def next(
        self, name: str | None, after: datetime, until: datetime, count: int
    ) -> tuple[Sequence[ComingTick], Sequence[str]]:
        found: dict[tuple[datetime, str, str], ComingTick] = {}
        while len(found) < count:
            before = len(found)
            limit = min(count - before + 1, _PAGE)
            query = {"workflow": name, "since": _text(after), "until": _text(until)}
            part = self._get(list[ComingTick], "next", limit=limit, **query)
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
        limit = _ALL if limit is None else limit
        query = {
            "workflow": workflow,
            "since": None if since is None else _text(since),
            "until": None if until is None else _text(until),
            "ending": list(states) or None,
            "limit": min(limit, _PAGE),
        }
        pages = _pages(self._server, TickList, "ticks", **query)
        return list(islice((tick for page in pages for tick in page.ticks), limit))

    def workers(self) -> Sequence[ProcessView]:
        return self._get(list[ProcessView], "workers")

    def _get(self, shape: type[T], *path: str, **query: Any) -> T:
        return read_document(shape, self._server.get(*path, **query).text)


def read_document(shape: type[T], text: bytes) -> T:
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


def _pages(server: ServerConnection, shape: type[T], what: str, **query: Any) -> Iterator[T]:
    """Yield the pages of a list, each asked for when it is wanted; the first is always there."""
    answer = server.get(what, **query)
    yield read_document(shape, answer.text)
    while answer.next:
        answer = server.get_next(answer.next)
        yield read_document(shape, answer.text)


class RemoteLists:
    """Answers as `LocalLists` does; raises `ServerRefused` when Alma did not answer the server."""

    def __init__(self, server: ServerConnection) -> None:
        self._server = server

    def jobs(self, institution: str | None, name: str | None, type: str | None) -> JobList:
        return self._listed(JobList, "jobs", institution=institution, name=name, type=type)

    def profiles(self, institution: str | None, name: str | None) -> ProfileList:
        return self._listed(ProfileList, "profiles", institution=institution, name=name)

    def sets(self, institution: str | None, name: str | None, content: str | None) -> SetList:
        return self._listed(SetList, "sets", institution=institution, name=name, content=content)

    def job(self, institution: str | None, wanted: str) -> JobFound:
        return self._one(JobFound, "jobs", wanted, institution)

    def profile(self, institution: str | None, wanted: str) -> ProfileFound:
        return self._one(ProfileFound, "profiles", wanted, institution)

    def set(self, institution: str | None, wanted: str) -> SetFound:
        return self._one(SetFound, "sets", wanted, institution)

    def _one(self, shape: type[T], what: str, wanted: str, institution: str | None) -> T:
        return read_document(shape, self._server.get(what, wanted, institution=institution).text)

    def _listed(self, shape: type[T], what: str, **query: str | None) -> T:
        """Return the document whose field *what* has the entries of all pages."""
        pages = list(_pages(self._server, shape, what, limit=_PAGE, **query))
        entries = tuple(entry for page in pages for entry in getattr(page, what))
        return copied(shape, pages[0], **{what: entries})
