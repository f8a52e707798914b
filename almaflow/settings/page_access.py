"""Who may use the web page: the settings `users`, `tokens` and `proxy` under `serve`."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from almaflow.field_types import Model, Text, refused
from almaflow.settings.addresses import split_address
from almaflow.settings.references import SecretRef


class Role(StrEnum):
    """What a person may do on the page."""

    READ = "read"
    """See everything, change nothing."""
    OPERATE = "operate"
    """Also start, cancel, retry, approve, resolve and pause."""


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise refused(
            "bad_address",
            f"`{text}` is not an address or a network. Write it as `192.0.2.7` or `192.0.2.0/28`.",
        ) from None
    return text


def public_url(text: str) -> str:
    """Return the address of a page without its last slash; for pydantic."""
    try:
        parts = split_address(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        good = good and parts.username is None and parts.path in ("", "/")
        good = good and not (parts.query or parts.fragment)
    except ValueError:
        good = False
    if not good:
        raise refused(
            "bad_url",
            "This is not the address of a page. Write scheme and host, such as "
            "`https://almaflow.example.edu`.",
        )
    return text.rstrip("/")


def _user_name(text: str) -> str:
    if not re.fullmatch(r"[\w.@ +-]{1,100}", text) or text != text.strip():
        raise refused(
            "bad_name",
            f"`{text}` is not a valid name of a user. Use at most 100 letters, digits, spaces and "
            "`.`, `@`, `_`, `+`, `-`.",
        )
    return text


UserName = Annotated[Text, AfterValidator(_user_name)]
"""The name under which a person's actions are recorded."""


class PageUser(Model):
    """A person who logs in to the page with a password."""

    password: SecretRef = Field(
        description="Where the hash of the password is stored, such as `file:PATH`; "
        "`almaflow hash-password` makes it."
    )
    role: Role = Field(
        default=Role.OPERATE,
        description="`operate` (default): see everything, start, cancel; `read`: only see.",
    )


class PageToken(Model):
    """A program that uses the page's API with a token."""

    token: SecretRef = Field(
        description="Where the token is stored: a random text of 20 characters or more."
    )
    role: Role = Field(
        default=Role.READ,
        description="`read` (default): see everything; `operate`: also start and so on.",
    )


class PageProxy(Model):
    """A proxy that logs people in and names them in a header."""

    addresses: list[Annotated[Text, AfterValidator(_network)]] = Field(
        min_length=1,
        description="From which addresses or networks the header is believed, such as `127.0.0.1`.",
    )
    header: Text = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,99}$",
        description="The header with the name of the person, such as `X-Remote-User`. The "
        "proxy must remove it from what browsers send.",
    )
    operators: list[UserName] = Field(
        default=[], description="Who may operate; everyone else may read."
    )
