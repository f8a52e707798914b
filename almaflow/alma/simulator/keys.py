"""API keys: the institution that each opens, and the areas that it reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# First parts of the paths of Alma's areas.
AREAS = (
    *("acq", "analytics", "bibs", "conf", "courses", "electronic", "items", "partners"),
    *("rda", "task-lists", "users"),
)
EVERYTHING: Mapping[str, bool] = dict.fromkeys(AREAS, True)
READ_ONLY: Mapping[str, bool] = dict.fromkeys(AREAS, False)


@dataclass(frozen=True)
class ApiKey:
    """What an API key is good for."""

    institution: str
    rights: Mapping[str, bool]
    """The areas that it opens; True: for changes too."""

    def allows(self, area: str, method: str) -> bool:
        """Whether a request with *method* may reach *area*."""
        return area in self.rights and (method == "GET" or self.rights[area])


def key_text(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """Return the key that a request carries; header names are lower-case.

    The name of the query parameter is `apikey` in any case: clients in use write `apiKey`.
    """
    scheme, _, key = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "apikey" and key.strip():
        return key.strip()
    return next((value for name, value in query.items() if name.lower() == "apikey"), "")
