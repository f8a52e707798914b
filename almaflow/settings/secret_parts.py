"""Which texts may not be shown: a secret, and of an address its password, however written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from almaflow.redaction import REDACTION
from almaflow.settings.references import SecretRef, is_reference
from almaflow.settings.strength import SHORTEST_PASSWORD, weakness

# The settings of libpq that are secret.
_SECRET_SETTINGS: Final = ("password", "sslpassword")


def secret_parts(value: str) -> list[str]:
    """Return *value*, and of an address its password, as it is written and as it is meant.

    A weak password is hidden where it is part of an address, and not in other texts.
    """
    try:
        password = urlsplit(value).password or ""
    except ValueError:
        password = ""
    return _strong([value, password, unquote(password)])


def store_parts(url: str) -> list[str]:
    """Return what is secret of the address of a store: nothing, if it has no password."""
    _, _, rest = url.partition("://")
    settings = parse_qsl(url.partition("?")[2])
    # A password may itself hold an `@`, and so may what follows the host.
    before = (rest.partition("@")[0], rest.rpartition("@")[0]) if "@" in rest else ()
    found = [value for key, value in settings if key in _SECRET_SETTINGS]
    found += [text.partition(":")[2] for text in before]
    passwords = [password for password in found if password]
    return _strong([url, *passwords, *map(unquote, passwords)]) if passwords else []


def store_address(text: str, folder: Path) -> str:
    """Return the address of a store that *text* is, or names as `env:NAME` and the like.

    Raises:
        RequestWrong: the address is stored in a place that has none.
    """
    if not is_reference(text):
        return text
    url = SecretRef.read(text).read_value(folder).strip()
    REDACTION.know(store_parts(url))
    return url


def _strong(parts: Iterable[str]) -> list[str]:
    return [part for part in dict.fromkeys(parts) if not weakness(part, SHORTEST_PASSWORD)]
