"""A certificate authority for one start of the simulator; its private keys stay in memory."""

from __future__ import annotations

import ssl
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from almaflow.alma.simulator.tls import server_context

# Some systems refuse certificates of more than 398 days; clocks may differ by some hours.
_VALID_FOR = timedelta(days=397)
_BEFORE = timedelta(days=1)
_NAME = "almaflow simulator"


@dataclass(frozen=True)
class Certificates:
    """A server's context, and *authority*, the certificate in PEM that its clients must trust."""

    context: ssl.SSLContext
    authority: bytes


def make_certificates(names: Collection[str]) -> Certificates:
    """Return a new authority and a certificate of it for *names*, host names and IP addresses.

    `ssl` takes a private key from a file only: for that moment, the server's key is in a
    temporary file of this user. Raises: ImportError if the extra `simulator` is not installed,
    ValueError if a name is not a host name.
    """
    import trustme

    authority = trustme.CA(organization_name=_NAME)
    now = datetime.now(UTC)
    server = authority.issue_cert(*names, not_before=now - _BEFORE, not_after=now + _VALID_FOR)
    context = server_context()
    server.configure_cert(context)
    return Certificates(context, authority.cert_pem.bytes())


def is_authority(pem: bytes) -> bool:
    """Whether *pem* is nothing but the certificate of an authority that was made here."""
    try:
        text = pem.decode("ascii")
        certificate = ssl.PEM_cert_to_DER_cert(text)
    except ValueError:
        return False
    alone = ssl.DER_cert_to_PEM_cert(certificate).split() == text.split()
    return alone and _NAME.encode() in certificate
