"""Addresses in almaflow.yaml: of Alma, and of file servers."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qs, urlsplit

from almaflow.field_types import refused
from almaflow.late_patterns import late_pattern
from almaflow.loopback import is_loopback

API_PATH = "/almaws/v1"

# Labels of letters of any alphabet; some networks have names with `_`.
_HOST = late_pattern(r"(?=.{1,253}\Z)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?")


def split_address(text: str) -> SplitResult:
    """Return the parts of an address.

    Raises:
        ValueError: it has a port or a host that cannot be, or characters that are not shown.
    """
    if not text.isprintable():
        # `urlsplit` drops line breaks.
        raise ValueError("not printable")
    parts = urlsplit(text)
    host, _ = parts.hostname or "", parts.port
    if host and ":" not in host and not _HOST.fullmatch(host):
        raise ValueError("not a host")
    return parts


def alma_address(text: str) -> str:
    """Return scheme and host of an Alma; Raises: PydanticCustomError."""
    try:
        parts = split_address(text)
    except ValueError:
        parts = urlsplit("")
    host = parts.hostname or ""
    if not host or parts.query or parts.fragment or parts.path.rstrip("/") not in ("", API_PATH):
        raise refused(
            "bad_url",
            "This is not a valid address of the Alma API. Write scheme and host, such as "
            "`https://api-eu.hosted.exlibrisgroup.com`, or use `region` instead.",
        )
    if parts.username is not None or parts.password is not None:
        raise refused(
            "literal_key", "A secret does not belong in an address. Use `api_key` for it."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise refused(
            "bad_url",
            "This address would send the API key unencrypted. Use `https://`. `http://` is "
            "allowed for this machine only (localhost, 127.0.0.1).",
        )
    if host.endswith(".alma.exlibrisgroup.com") and not host.startswith("api-"):
        raise refused(
            "bad_url",
            "This is the address of Alma for people, which refuses every key. Write `region: eu` "
            "(or na, ap, aps, ca, cn) in place of `base_url`.",
        )
    if host == "api-cn.hosted.exlibrisgroup.com":
        raise refused(
            "bad_url", "The host in China ends with `.com.cn`. Write `region: cn` instead."
        )
    return text.rstrip("/").removesuffix(API_PATH)


def without_password(text: str) -> str:
    """Return *text*, which holds no password; Raises: PydanticCustomError."""
    try:
        parts = urlsplit(text)
        has_password = parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:
        has_password = "@" in text
    if has_password:
        raise refused(
            "literal_key",
            "A password does not belong in this file. Put the whole address into an environment "
            "variable and write `env:NAME` here, or specify the password separately.",
        )
    return text


_SCHEMES = ("sftp", "ftp", "ftps", "s3")


def server(text: str) -> str:
    """Return the address of a file server; Raises: PydanticCustomError."""
    try:
        parts = split_address(text)
        known = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise refused(
            "bad_url",
            "A connection is `sftp://user@host/folder`, `ftp://…`, `ftps://…` or "
            "`s3://bucket/folder`.",
        )
    return text
