"""Reads from one institution, for what a person asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio

from almaflow.alma.calls import AlmaRequest
from almaflow.alma.directory import Directory
from almaflow.clock import SystemClock
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.late_dataclasses import dataclass

if TYPE_CHECKING:
    from almaflow.engine.alma_writes.institutions import InstitutionConnection

T = TypeVar("T")

PATIENCE = timedelta(seconds=25)
"""How long a page waits for Alma."""


class OpenInstitution:
    """An open institution; *directory* finds jobs, profiles and sets by name."""

    def __init__(self, connection: InstitutionConnection) -> None:
        self.institution = connection.name
        self.directory = Directory(self.read, SystemClock(), connection.name)
        self._connection = connection

    @property
    def ahead(self) -> timedelta:
        """How far Alma's clock is ahead of ours, according to its last response."""
        return self._connection.client.ahead

    @property
    def remaining_calls(self) -> int | None:
        """The institution's remaining calls until midnight; None until Alma has reported them."""
        return self._connection.client.remaining_calls

    @property
    def reserve_calls(self) -> int:
        """How many calls of the day are kept for polling running jobs."""
        return self._connection.reserve_calls

    async def read(self, call: AlmaRequest[T], /) -> T:
        """Send *call* once; Raises: AlmaError."""
        return await self._connection.client.send(call)


class AlmaReader(Protocol):
    """Runs a question with an open institution, which is closed afterwards."""

    def ask(
        self, question: Callable[[OpenInstitution], Awaitable[T]], institution: str | None, /
    ) -> T:
        """Run *question* and return its result; None: with the default institution.

        Raises:
            RequestWrong: there is no such institution, or its key is missing.
            AlmaError: Alma did not respond, or refused the request.
        """
        ...


class AlmaSilent(AlmaflowError):
    """Alma did not respond in the time that a person waits for a page."""


@dataclass(frozen=True)
class PageReader:
    """Asks Alma from any thread, in a separate event loop."""

    open: Callable[[str | None], InstitutionConnection]
    """Opens an institution; Raises: RequestWrong."""

    def ask(
        self, question: Callable[[OpenInstitution], Awaitable[T]], institution: str | None, /
    ) -> T:
        """Run *question* and return its result; see `AlmaReader`.

        Raises:
            AlmaSilent: it takes longer than a person waits for a page.
        """
        connection = self.open(institution)

        async def main() -> T:
            with anyio.fail_after(PATIENCE.total_seconds()):
                return await question(OpenInstitution(connection))

        try:
            return anyio.run(main)
        except TimeoutError as error:
            raise AlmaSilent(
                f"Alma at {connection.name} did not respond within {PATIENCE.seconds} seconds. "
                "Nothing was recorded. Try again in a while."
            ) from error
        finally:
            connection.client.close()


class NoAlma:
    """Reaches no institution."""

    def ask(
        self, question: Callable[[OpenInstitution], Awaitable[T]], institution: str | None, /
    ) -> T:
        """Refuse; Raises: RequestWrong."""
        raise RequestWrong("This page cannot reach Alma. Nothing was recorded.")
