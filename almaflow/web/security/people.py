"""Who asks, and what they may do."""

from __future__ import annotations

from almaflow.late_dataclasses import dataclass
from almaflow.settings.page_access import Role

__all__ = ["Person", "Role", "person_here"]


@dataclass(frozen=True)
class Person:
    """Who asks: *name* is recorded with what they do."""

    name: str
    role: Role

    @property
    def may_operate(self) -> bool:
        """Whether they may change something."""
        return self.role is Role.OPERATE

    @property
    def may_only_read(self) -> str:
        """What to tell them when they may not change what they asked for."""
        return (
            f"{self.name} may read this page and not change anything. Ask for the role `operate`."
        )

    @property
    def by_api(self) -> str:
        """How a record names them when a program asks for them."""
        return f"{self.name} via the API"

    @property
    def by(self) -> str:
        """How the record of a run names them."""
        return f"{self.name} via the page"


def person_here(account: str) -> Person:
    """Return who uses a page that only this machine reaches: the *account* that runs almaflow."""
    return Person(account, Role.OPERATE)
