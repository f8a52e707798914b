"""The seam between the store and a kind of database: all that differs, and nothing else.

The tables and every query are the same in each. A backend says how a transaction begins, how its
connection is set up, and what its driver's errors mean.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

from sqlalchemy import Engine

from almaflow.store.errors import StoreTrouble

LinkState = Literal["connecting", "connected", "gone"]
"""How a connection was when an error came: being made, in use, broken."""


class Backend(Protocol):
    """A kind of database."""

    @property
    def begin_read(self) -> str:
        """What begins a transaction that sees one state of the store."""
        ...

    @property
    def begin_write(self) -> str:
        """What begins a transaction during which no other process writes."""
        ...

    @property
    def foreign(self) -> type[Exception]:
        """What the driver raises."""
        ...

    def make_engine(self) -> Engine:
        """Return an engine whose connections begin transactions where we say, nowhere else."""
        ...

    def tell(self, driver: Any, statement: str) -> None:
        """Give the driver's connection a statement whose result does not matter."""
        ...

    def is_gone(self, driver: Any) -> bool:
        """Whether the driver's connection is of no use any more."""
        ...

    def opening(self) -> AbstractContextManager[None]:
        """Keep others from opening the store meanwhile, where that is needed."""
        ...

    def trouble(self, error: BaseException, state: LinkState) -> StoreTrouble:
        """Return what an *error* of the driver means."""
        ...
