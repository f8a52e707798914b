"""The institutions that runs speak to: a client for each, opened when first needed.

Before the first write Alma is asked who it is, so that a workflow for production never runs on a
sandbox's key, nor on another institution's.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import field
from datetime import date, datetime, timedelta

import anyio

from almaflow.alma.client import AlmaClient
from almaflow.alma.directory import DirectoryCache
from almaflow.alma.wire import General
from almaflow.engine.retry import midnight
from almaflow.late_dataclasses import dataclass
from almaflow.steps.result import StepFailed
from almaflow.timetable import Maintenance
from almaflow.waiting import Waiting, WaitingKind


@dataclass
class InstitutionConnection:
    """One institution as the engine uses it.

    *environment* and *code* are what almaflow.yaml says; empty when it says nothing. *account* is
    the institution in Alma whose limits count: entries with the same one share them.
    """

    name: str
    client: AlmaClient
    base_url: str
    environment: str = ""
    code: str = ""
    account: str = ""
    running_jobs: int = 3
    starts_per_hour: int = 5
    reserve_calls: int = 0
    """When fewer calls of the day are left, only polls are sent."""
    maintenance: Maintenance = field(default_factory=Maintenance)
    """The hours in which only polls are sent."""
    settle: timedelta | None = timedelta(minutes=10)
    """How long a run whose submission was lost may still show up; None: ask a person."""
    answered: bool = False
    """Whether the host has answered anything yet."""
    proving: anyio.Lock = field(default_factory=anyio.Lock)
    """Held while Alma is asked, so that runs which begin together ask once."""
    proven: bool = False
    """Whether Alma has said that it is the institution that is meant."""
    directory_cache: DirectoryCache = field(default_factory=DirectoryCache)
    """What the directory remembers."""

    most_calls: int = 0
    """The most calls left that Alma has reported to this process; it never reports the total."""
    warned_on: date | None = None
    """The day, by Alma's clock, of the last warning about half of the calls."""

    def __post_init__(self) -> None:
        self.account = self.account or self.name

    def is_sparing(self, now: datetime) -> bool:
        """Whether too few of the day's calls are left for anything but polls.

        Alma's figure counts for the day of its response; the time zone of that day is not
        documented, so days are UTC here.
        """
        left, at = self.client.remaining_calls, self.client.last_date
        today = (now + self.client.ahead).date()
        if left is None or at is None or at.date() != today:
            return False
        return left < self.reserve_calls

    def half_is_gone(self) -> str:
        """Return a warning when less than half of the day's calls are left, once a day; else ""."""
        left, at = self.client.remaining_calls, self.client.last_date
        if left is None or at is None:
            return ""
        self.most_calls = max(self.most_calls, left)
        if left * 2 >= self.most_calls or self.warned_on == at.date():
            return ""
        self.warned_on = at.date()
        return (
            f"Warning: {left:,} API calls are left today at {self.name}, less than half of the "
            f"{self.most_calls:,} that Alma reported before. All programs of the institution "
            f"share them; below {self.reserve_calls:,}, almaflow only polls until midnight UTC."
        )

    def closed(self, now: datetime, chance: random.Random) -> Waiting | None:
        """Return what every call but a poll waits for, with its end; None when nothing."""
        if (over := self.maintenance.end_at(now)) is not None:
            end = over.astimezone(self.maintenance.zone)
            text = f"Alma at {self.name} is being maintained until {end:%Y-%m-%d %H:%M}"
            return Waiting(WaitingKind.ALMA, text, until=over)
        if not self.is_sparing(now):
            return None
        over = midnight(now + self.client.ahead, chance) - self.client.ahead
        text = (
            f"{self.client.remaining_calls} calls are left today at {self.name}, fewer than the "
            f"{self.reserve_calls} reserved ones; it continues at {over:%H:%M} UTC"
        )
        return Waiting(WaitingKind.ALMA, text, until=over)

    def link(self, href: str) -> str:
        """Return *href*, which Alma gives with or without its host, with the host."""
        return href if "://" in href else self.base_url.rstrip("/") + href

    def prove(self, general: General) -> None:
        """Take Alma's word for who it is; Raises: StepFailed when it is another."""
        if self.environment and general.environment and self.environment != general.environment:
            raise StepFailed(
                f"The key of institution `{self.name}` belongs to a {general.environment} "
                f"environment, but almaflow.yaml has `environment: {self.environment}`. "
                "Nothing was sent. Correct the key or the entry."
            )
        if self.code and general.institution_code and self.code != general.institution_code:
            raise StepFailed(
                f"The key of institution `{self.name}` belongs to {general.institution_code}, "
                f"but almaflow.yaml has `code: {self.code}`. Nothing was sent. Correct the key "
                "or the entry."
            )
        self.proven = True


OpenConnection = Callable[[str], InstitutionConnection]
"""Opens an institution by its name; Raises: RequestWrong when nothing says how."""


class Institutions:
    """The connections of one process, by institution."""

    def __init__(self, open_connection: OpenConnection) -> None:
        self._open = open_connection
        self._connections: dict[str, InstitutionConnection] = {}

    def connection(self, name: str) -> InstitutionConnection:
        """Return the connection to the institution *name*; Raises: RequestWrong."""
        if name not in self._connections:
            self._connections[name] = self._open(name)
        return self._connections[name]

    def remaining_calls(self) -> dict[str, int]:
        """Return the calls left for this day, by name, where Alma has reported them."""
        remaining = {
            name: connection.client.remaining_calls
            for name, connection in self._connections.items()
        }
        return {name: left for name, left in remaining.items() if left is not None}

    def close(self) -> None:
        """Give all connections back."""
        for connection in self._connections.values():
            connection.client.close()
