"""Sessions: a signed cookie says who logged in, until when, and with which password."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from almaflow.late_dataclasses import dataclass
from almaflow.web.security.access import Access, User
from almaflow.web.security.people import Person

LASTS = timedelta(hours=12)
"""How long a person stays logged in: a working day."""
# Seconds; the clock may be corrected a little meanwhile.
_LONGEST = (LASTS + timedelta(minutes=5)).total_seconds()


@dataclass(frozen=True)
class Sessions:
    """Makes and reads the cookie; *key* is secret, *secure* whether the page is at https."""

    key: bytes
    secure: bool

    @property
    def cookie(self) -> str:
        """The name of the cookie. `__Host-` lets no neighbour of the host set it."""
        return "__Host-almaflow" if self.secure else "almaflow"

    def begin(self, user: User, now: datetime) -> str:
        """Return the cookie of a person who has logged in."""
        until = int((now + LASTS).timestamp())
        value = {"name": user.person.name, "until": until, "proof": _proof(user)}
        return str(self._signer.dumps(value))

    def person(self, cookie: str, access: Access, now: datetime) -> Person | None:
        """Return whose session it is; None when it ended, or the password changed since."""
        try:
            value: Any = self._signer.loads(cookie)
        except BadSignature:
            return None
        user = access.users.get(value["name"])
        left = value["until"] - now.timestamp()
        # A clock that was set back makes no session longer.
        if user is None or value["proof"] != _proof(user) or not 0 < left <= _LONGEST:
            return None
        return user.person

    @property
    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(
            self.key,
            salt="almaflow page session",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )


def _proof(user: User) -> str:
    """Return what changes with the password and says nothing about it."""
    return hashlib.sha256(f"session {user.hash_}".encode()).hexdigest()[:16]
