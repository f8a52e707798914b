"""What the log of a server's requests holds, without keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_plus

# Characters of a target that are logged; a search of sets has some hundred.
_LONGEST_TARGET = 2000
# No method of HTTP has more.
_LONGEST_METHOD = 20
_REDACTED = "***"
_SEPARATORS = re.compile("([?&;])")


@dataclass(frozen=True)
class LoggedRequest:
    """One request and how it ended.

    *method* and *target* come from outside and may hold any character; both are empty if the
    request could not be read. *status* is None if the connection ended without a response.
    """

    method: str
    target: str
    status: int | None
    milliseconds: float
    fault: str = ""
    """The fault on the connection, such as `reset_before`."""


Log = Callable[[LoggedRequest], None]


def without_keys(target: str) -> str:
    """Return *target*, shortened, with stars in place of the value of each `apikey`."""
    parts = _SEPARATORS.split(target)
    short = "".join(map(_without_key, parts))
    return short if len(short) <= _LONGEST_TARGET else f"{short[:_LONGEST_TARGET]}..."


def _without_key(part: str) -> str:
    name, equals, _ = part.partition("=")
    # Names may be percent-encoded, even twice.
    is_key = unquote_plus(unquote_plus(name)).strip().lower() == "apikey"
    return f"{name}{equals}{_REDACTED}" if is_key and equals else part


def method_of(command: str | None) -> str:
    """Return the method of a request whose first line may not have been understood."""
    return (command or "")[:_LONGEST_METHOD]
