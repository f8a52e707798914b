"""The call that creates a set, in all its variants.

Source: `alma-api.md`, 7.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from almaflow.alma.calls import AlmaRequest
from almaflow.alma.errors import NotInAlma
from almaflow.alma.value_parsing import UnreadableResponse
from almaflow.alma.wire import AlmaSet
from almaflow.late_dataclasses import dataclass

# Timeout (seconds): combining large sets takes as long as the gateway allows.
_TIMEOUT = 600.0

Operator = Literal["AND", "OR", "NOT"]


@dataclass(frozen=True)
class CopyOf:
    """An itemized set with the members that a logical one has now."""

    set_id: str

    @property
    def query(self) -> Mapping[str, str]:
        return {"from_logical_set": self.set_id}


@dataclass(frozen=True)
class Combined:
    """The members of both sets (AND), of either (OR), or of the first only (NOT)."""

    operator: Operator
    first: str
    second: str

    @property
    def query(self) -> Mapping[str, str]:
        return {"combine": self.operator, "set1": self.first, "set2": self.second}


@dataclass(frozen=True)
class OfRun:
    """The titles of one population of an import run."""

    instance_id: str
    population: str

    @property
    def query(self) -> Mapping[str, str]:
        return {"population": self.population, "job_instance_id": self.instance_id}


Origin = CopyOf | Combined | OfRun
"""The source from which Alma fills a new itemized set."""


def create_set(
    name: str,
    content: str,
    *,
    query: str | None = None,
    origin: Origin | None = None,
    description: str = "",
    private: bool = False,
) -> AlmaRequest[AlmaSet]:
    """Create a set: logical with *query*, filled by Alma from *origin*, else itemized and empty.

    Names are unique in an institution (402263). A private set is seen by its creator only,
    which is the API's account.

    Raises:
        NotInAlma: *origin* has an empty id; Alma would make an empty set.
    """
    body: dict[str, Any] = {
        "name": name,
        "type": {"value": "ITEMIZED" if query is None else "LOGICAL"},
        "content": {"value": content},
        "private": {"value": "true" if private else "false"},
        "status": {"value": "ACTIVE"},
    }
    body |= {"description": description} if description else {}
    body |= {"query": {"value": query}} if query is not None else {}
    pairs = () if origin is None else tuple(origin.query.items())
    if any(not value.strip(". \t\r\n") for _, value in pairs):
        noun = "job instance" if isinstance(origin, OfRun) else "set"
        raise NotInAlma(f"The id of the {noun} is empty.", noun=noun, name="")
    what = f"create the set '{name}'"
    return AlmaRequest("POST", "/conf/sets", pairs, body, _created, _TIMEOUT, what)


def _created(data: Any) -> AlmaSet:
    alma_set = AlmaSet.read(data)
    if not alma_set.name:
        # An id alone may be that of a gateway's own request.
        raise UnreadableResponse("the response has no name of the new set")
    return alma_set
