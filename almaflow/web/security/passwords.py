"""Passwords are kept as argon2 hashes; a wrong name takes as long as a wrong password."""

from __future__ import annotations

from base64 import b64encode
from threading import BoundedSemaphore

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError

from almaflow.errors import RequestWrong

_HASHER = PasswordHasher()
# Each takes 64 MiB and a core for a moment, whoever asks for it.
_AT_A_TIME = BoundedSemaphore(2)
LONGEST = 1_000
"""Characters of a password."""
_SHORTEST = 10
# What a wrong name is compared with, which takes as long: a hash of the same form. Its result was
# not calculated, so no password is known to have it.
_NOBODY = "$argon2id$v=19$m={},t={},p={}${}${}".format(
    _HASHER.memory_cost,
    _HASHER.time_cost,
    _HASHER.parallelism,
    *(b64encode(b"no" * half).decode().rstrip("=") for half in (8, 16)),
)


def hash_password(password: str) -> str:
    """Return the hash of a password; Raises: RequestWrong when it is too short or too long."""
    if not _SHORTEST <= len(password) <= LONGEST:
        raise RequestWrong(
            f"A password needs {_SHORTEST} to {LONGEST:,} characters. Choose several words."
        )
    return _HASHER.hash(password)


def is_hash(text: str) -> bool:
    """Whether a text is a hash that argon2 made."""
    try:
        extract_parameters(text)
    except InvalidHashError:
        return False
    return True


def is_right(hash_: str | None, password: str) -> bool:
    """Whether a password has this hash; None means a person that there is not."""
    with _AT_A_TIME:
        try:
            _HASHER.verify(hash_ or _NOBODY, password[:LONGEST])
        except (Argon2Error, InvalidHashError):
            return False
    return hash_ is not None
