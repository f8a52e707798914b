"""Reads from one institution, for what a person asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from almaflow.alma.calls import AlmaRequest
from almaflow.alma.directory import Directory
from almaflow.clock import SystemClock

if TYPE_CHECKING:
    from almaflow.engine.alma_writes.institutions import InstitutionConnection

T = TypeVar("T")


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
