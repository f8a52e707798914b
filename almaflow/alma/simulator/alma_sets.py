"""Sets as an institution keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from almaflow.alma.simulator.records import Members


@dataclass
class AlmaSet:
    """A saved list of records; a logical one has a query."""

    id: str
    name: str
    content: str
    members: Members
    created_at: datetime
    status_at: datetime
    created_by: str = "exl_api"
    query: str = ""
    description: str = ""
    note: str = ""
    private: bool = True
    status: str = "ACTIVE"
    origin: str = "UI"
    filled_from: datetime | None = None
    """When Alma begins to fill it automatically; None: it has its members already."""
    fill_rate: int = 1
    """Members a second."""
    filling_run: str | None = None
    """The run that fills it, for a set made from an import."""
    earlier_counts: list[tuple[datetime, int]] = field(default_factory=list)
    """Until when Alma still says which number of members, oldest first."""
    any_content: bool = False
    """Made up: it holds what its use asks for."""
    visible_from: datetime | None = None
    """When it first appears; None: immediately."""

    @property
    def type(self) -> str:
        return "LOGICAL" if self.query else "ITEMIZED"

    def shown_count(self, now: datetime) -> int:
        """Return how many members Alma says it has, which may be what it had before a change."""
        before = (count for until, count in self.earlier_counts if now < until)
        return next(before, self.count(now))

    def count(self, now: datetime) -> int:
        """Return how many members it has by now."""
        if self.filled_from is None:
            return len(self.members)
        seconds = max(0.0, (now - self.filled_from).total_seconds())
        return min(len(self.members), int(seconds * self.fill_rate))

    def page(self, now: datetime, offset: int, limit: int) -> list[str]:
        """Return some member ids, of those that are there by now."""
        return self.members.page(offset, max(0, min(limit, self.count(now) - offset)))

    def visible(self, now: datetime) -> bool:
        """Tell whether the API shows it: it is there, and not another person's private set."""
        if self.visible_from is not None and now < self.visible_from:
            return False
        return not self.private or self.created_by == "exl_api"
