"""Jobs, profiles and sets of Alma, as a server lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from almaflow.operations.alma_finding import JobFound, ProfileFound, SetFound
from almaflow.operations.alma_lists import JobList, ProfileList, SetList
from almaflow.operations.remote_source import read_document
from almaflow.operations.server_connection import ServerConnection

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
