"""The seam between the store and a kind of database.

The tables and the statements are the same in each. A backend connects, says how a transaction
begins, and what the errors of its driver mean; `Connection` has the rest of what differs.
"""

from __future__ import annotations

from typing import Literal, Protocol

from almaflow.store.connection import Connection
from almaflow.store.errors import StoreTrouble
from almaflow.store.locks import Locks

ConnectionState = Literal["connecting", "connected", "gone"]
"""The state of a connection when an error came: being made, in use, broken."""


class Backend(Protocol):
    """A kind of database."""

    @property
    def begin_read(self) -> str:
        """What begins a transaction that sees one state of the store."""
        ...

    one_writer: bool
    """Whether only one process writes at a time, whatever it locks."""

    def begin_write(self, locks: Locks) -> str:
        """Return what begins a writing transaction and takes its *locks*."""
        ...

    @property
    def driver_error(self) -> type[Exception]:
        """What the driver raises."""
        ...

    def connect(self) -> Connection:
        """Return a new connection, which begins transactions only where we say so."""
        ...

    def trouble(self, error: BaseException, state: ConnectionState) -> StoreTrouble:
        """Return what an *error* of the driver means."""
        ...
