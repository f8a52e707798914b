"""`almaflow simulator --tls`: its certificates, and what a client's terminal needs for them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from almaflow.alma.simulator.certificates import Certificates, is_authority, make_certificates
from almaflow.alma.simulator.tls import ServerTls
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.settings.models import REGIONS
from almaflow.text_files import printable

_HOSTS = tuple(filter(None, (urlsplit(url).hostname for url in REGIONS.values())))
_OWN = ("localhost", "127.0.0.1", "::1")
# Bytes of an authority's certificate; ours has some 700.
_MOST = 16 * 1024
# curl, Python's requests, Node, and all that use OpenSSL's or Go's defaults.
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


@dataclass(frozen=True)
class SimulatorTls:
    """What the server uses, and the file with the certificate that its clients must trust."""

    server: ServerTls
    ca_file: Path

    def environment(self, url: str) -> dict[str, str]:
        """Return the variables of a client's terminal; *url* is where the simulator listens."""
        return {"HTTPS_PROXY": url, **dict.fromkeys(_TRUST, str(self.ca_file))}


@contextmanager
def simulator_tls(ca_file: Path | None, host: str, public_url: str) -> Iterator[SimulatorTls]:
    """Make certificates for as long as the context lasts.

    They are for this machine, for Alma's hosts, for *host* and the host of *public_url*. *ca_file*
    is where the authority's certificate is written, and where it stays; None: in a temporary
    folder. No private key stays in a file. Raises: RequestWrong.
    """
    named = [host, urlsplit(public_url).hostname or ""]
    made = _make([*_OWN, *_HOSTS, *filter(_can_be_certified, named)])
    server = ServerTls(made.context, _HOSTS)
    if ca_file is not None:
        _write(ca_file, made.authority)
        yield SimulatorTls(server, ca_file.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="almaflow-simulator-") as folder:
        file = Path(folder, "ca.pem")
        _write(file, made.authority)
        yield SimulatorTls(server, file)


def _make(names: Collection[str]) -> Certificates:
    try:
        return make_certificates(list(dict.fromkeys(names)))
    except ImportError as error:
        raise RequestWrong(
            f"`--tls` needs a library that is not installed ({error}). Install it with `pip "
            "install 'almaflow[simulator]'`."
        ) from error
    except ValueError as error:
        raise RequestWrong(
            f"The simulator cannot make a certificate for the name of `--host` or `--public-url` "
            f"({error}). Use an address or a host name such as lib1.example.edu."
        ) from error


def _can_be_certified(name: str) -> bool:
    """Whether *name* is a host; `0.0.0.0`, `::` and `0` are all of this machine's addresses."""
    try:
        return not ip_address(name).is_unspecified
    except ValueError:
        return bool(name.strip("0."))


def _write(file: Path, pem: bytes) -> None:
    """Write *pem*, in place of nothing but an earlier certificate of the simulator."""
    try:
        if file.exists() and not _may_be_replaced(file):
            raise RequestWrong(
                f"{printable(str(file))} exists and is not a certificate of the simulator. "
                "Specify another file with `--ca-file`."
            )
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(file, flags, 0o644), "wb") as stream:
            stream.write(pem)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RequestWrong(
            f"The simulator cannot write {printable(str(file))}: {reason}. Specify an ordinary "
            "file with `--ca-file`."
        ) from error


def _may_be_replaced(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        pem = stream.read(_MOST + 1)
    return not pem or (len(pem) <= _MOST and is_authority(pem))
