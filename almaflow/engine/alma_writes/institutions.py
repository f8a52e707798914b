"""The connections of a process to its institutions, each opened when it is first needed.

Before the first write, almaflow asks Alma which institution the key belongs to, so that a workflow
for production never runs with the key of a sandbox or of another institution.
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
from almaflow.engine.retry import next_quota_reset
from almaflow.late_dataclasses import dataclass
from almaflow.steps.result import StepFailed
from almaflow.timetable import Maintenance
from almaflow.waiting import Waiting, WaitingKind


@dataclass
class InstitutionConnection:
    """The engine's connection to one institution.

    *environment* and *code* come from almaflow.yaml; empty when not set. *account* identifies the
    institution in Alma: entries with the same account share its limits.
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
    """How long almaflow searches for an unconfirmed submission; None: it asks a person."""
    answered: bool = False
    """Whether the host has responded to this process yet."""
    proving: anyio.Lock = field(default_factory=anyio.Lock)
    """Held during the check, so that runs which begin together check once."""
    proven: bool = False
    """Whether Alma has confirmed that the key belongs to the configured institution."""
    directory_cache: DirectoryCache = field(default_factory=DirectoryCache)
    """The lookups that all directories of this institution share."""

    most_calls: int = 0
    """The most calls left that Alma has reported to this process; it never reports the total."""
    warned_on: date | None = None
    """The day, by Alma's clock, of the last warning about half of the calls."""

    def __post_init__(self) -> None:
        self.account = self.account or self.name

    def saves_calls(self, now: datetime) -> bool:
        """Whether so few calls are left for the day that only polls may be sent.

        Alma's number is valid for the day of its response. Alma does not document the time zone of
        that day, so almaflow uses UTC.
        """
        left, at = self.client.remaining_calls, self.client.last_date
        today = (now + self.client.ahead).date()
        if left is None or at is None or at.date() != today:
            return False
        return left < self.reserve_calls

    def half_is_used(self) -> str:
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
        """Return what all requests except polls wait for, with its end; None: nothing."""
        if (over := self.maintenance.end_at(now)) is not None:
            end = over.astimezone(self.maintenance.zone)
            text = f"Alma at {self.name} is being maintained until {end:%Y-%m-%d %H:%M}"
            return Waiting(WaitingKind.ALMA, text, until=over)
        if not self.saves_calls(now):
            return None
        over = next_quota_reset(now + self.client.ahead, chance) - self.client.ahead
        text = (
            f"{self.client.remaining_calls} calls are left today at {self.name}, fewer than the "
            f"{self.reserve_calls} reserved ones; it continues at {over:%H:%M} UTC"
        )
        return Waiting(WaitingKind.ALMA, text, until=over)

    def link(self, href: str) -> str:
        """Return *href* with the host, which Alma may leave out."""
        return href if "://" in href else self.base_url.rstrip("/") + href

    def verify_identity(self, general: General) -> None:
        """Compare the institution with Alma's response; Raises: StepFailed when they differ."""
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
"""Opens the connection to an institution by name; Raises: RequestWrong for an unknown one."""


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
        """Close all connections."""
        for connection in self._connections.values():
            connection.client.close()
