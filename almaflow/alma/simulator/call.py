"""One request as an endpoint sees it, and the small parameters that many endpoints share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from almaflow.alma.simulator.institution import Institution
from almaflow.alma.simulator.reply import ApiError
from almaflow.alma.simulator.scenario import Fault
from almaflow.alma.simulator.wire import RequestBody, parse_body

_PREFIX = "/almaws/v1"


@dataclass(frozen=True)
class IncomingRequest:
    """A request that has passed the gateway; *ids* are the path's variable parts, decoded."""

    institution: Institution
    now: datetime
    ids: Sequence[str]
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    link_base: str = ""
    fault: Fault | None = None
    """A fault that changes what is said instead of breaking it, else None."""

    def link(self, path: str) -> str:
        """Return the address of a resource, such as `/conf/sets/123`."""
        if self.institution.switches.links == "relative":
            return f"{_PREFIX}{path}"
        return f"{self.link_base}{_PREFIX}{path}"

    def parsed(self, bean: str) -> RequestBody:
        """Return the request's body; *bean* is what Alma calls its class."""
        return parse_body(self.headers, self.body, bean)

    def asked(self, name: str) -> str:
        """Return a query parameter; empty when it is missing, empty or Alma's own `None`."""
        value = self.query.get(name, "")
        return "" if value == "None" else value

    def page(self) -> tuple[int, int]:
        """Return offset and limit.

        Raises:
            ApiError: one of them is not a number, or (by switch) the limit is above 100.
        """
        offset, limit = self._number("offset", 0), self._number("limit", 10)
        if limit > 100 and self.institution.switches.over_limit == "refuse":
            raise ApiError("40166410")
        return offset, min(limit, 100)

    def _number(self, name: str, otherwise: int) -> int:
        text = self.query.get(name, "")
        if not text:
            return otherwise
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise ApiError("40166410")
        return int(text)

    def list_of(self, name: str, items: Sequence[Any], total: int | None = None) -> dict[str, Any]:
        """Return a list answer; without items the list's key is absent."""
        count = len(items) if total is None else total
        shown: dict[str, Any] = {name: list(items)} if items else {}
        return {**shown, "total_record_count": count}


def iso(instant: datetime) -> str:
    """Return an instant the way Alma writes it: UTC, milliseconds, Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{instant.microsecond // 1000:03d}Z"
    )


def http_date(instant: datetime) -> str:
    """Return an instant the way HTTP headers write it (RFC 1123, GMT)."""
    return format_datetime(instant.astimezone(UTC), usegmt=True)
