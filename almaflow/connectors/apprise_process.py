"""The process that sends one notice with Apprise; `apprise_channel` starts it and can end it.

Apprise's many services use their own libraries, which read whatever a server sends for as long
as it sends. In a separate process everything has a bound: time, memory, the size of a response,
and where a redirect may lead. It imports nothing of almaflow, so that it starts quickly.

Standard input: `{"address", "title", "text", "seconds", "files"}`, the files (`{"name", "path"}`)
if there are any. Standard output: `{"taken": bool, "reasons": [text], "hosts": [text],
"without_files": [text]}`; `taken` is null when the address names no service, and the last are the
services that carry no files.
"""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

# Bytes of one response, unpacked; services answer with some hundred.
LARGEST_RESPONSE = 1024 * 1024
# Bytes of memory; Apprise itself needs about 100 MiB.
MOST_MEMORY = 512 * 1024 * 1024
# Reasons that are reported, and characters of each.
MOST_REASONS, LONGEST_REASON = 20, 20_000

_PIECE = 64 * 1024

_build_response = HTTPAdapter.build_response
_get_redirect_target = requests.Session.get_redirect_target


def main() -> None:
    """Send the notice that standard input holds and report the outcome."""
    asked = json.load(sys.stdin)
    # Also when the process that started this one has died meanwhile.
    limit = threading.Timer(asked["seconds"], os._exit, (1,))
    limit.daemon = True
    limit.start()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as report:
        # What libraries print is not part of the report.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        bound_memory()
        bound_requests()
        files = asked.get("files", ())
        json.dump(send(asked["address"], asked["title"], asked["text"], files), report)
    # Threads of a library must not delay the end.
    os._exit(0)


def send(
    address: str, title: str, text: str, files: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """Send a notice to every service that *address* names; returns the report."""
    import apprise  # after the bounds are set

    reasons = _Reasons()
    logging.getLogger("apprise").addHandler(reasons)
    asset = apprise.AppriseAsset(app_id="almaflow", app_desc="almaflow", storage_mode="memory")
    services = apprise.Apprise(asset=asset)
    accepted: bool | None = None
    if services.add(address) and len(services):
        accepted = bool(
            services.notify(
                body=text,
                title=title,
                body_format=apprise.NotifyFormat.TEXT,
                interpret_escapes=False,
                attach=_attachments(files) if files else None,
            )
        )
    hosts = [str(getattr(service, "host", "")) for service in services]
    bare = [str(one.service_name) for one in services if files and not one.attachment_support]
    return {"taken": accepted, "reasons": reasons.texts, "hosts": hosts, "without_files": bare}


def _attachments(files: Sequence[Mapping[str, str]]) -> Any:
    """Return *files* as Apprise takes them; as objects, since it reads a text as an address."""
    from apprise import AppriseAttachment
    from apprise.attachment.file import AttachFile

    attachments = AppriseAttachment()
    for file in files:
        attachments.add(AttachFile(file["path"], name=file["name"]))  # type: ignore[no-untyped-call]
    return attachments


class _Reasons(logging.Handler):
    """Keeps what Apprise logs: its functions return only yes or no."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.texts) < MOST_REASONS:
            self.texts.append(record.getMessage()[:LONGEST_REASON])


def bound_memory() -> None:
    """Let the operating system refuse more than `MOST_MEMORY`, where it can."""
    try:
        import resource
    except ImportError:
        # Windows; the bounds of responses and of time remain.
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(hard, MOST_MEMORY)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def bound_requests() -> None:
    """Make every session of `requests` in this process bound responses and check redirects."""
    HTTPAdapter.build_response = _bounded_response  # type: ignore[method-assign]
    requests.Session.get_redirect_target = _checked_target  # type: ignore[method-assign, assignment]


def _bounded_response(self: HTTPAdapter, req: Any, resp: Any) -> requests.Response:
    """Build the response from a body that has been read here, up to the bound."""
    try:
        body = read_body(resp)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise requests.ConnectionError(error, request=req) from error
    finally:
        resp.close()
    headers = {
        name: value
        for name, value in resp.headers.items()
        if name.lower() not in ("content-encoding", "transfer-encoding", "content-length")
    }
    whole = urllib3.HTTPResponse(
        io.BytesIO(body), headers, resp.status, reason=resp.reason, preload_content=False
    )
    return _build_response(self, req, whole)


def read_body(response: Any) -> bytes:
    """Return the unpacked body; Raises: requests.ConnectionError when it is too large."""
    body = bytearray()
    for piece in response.stream(_PIECE, decode_content=True):
        body += piece
        if len(body) > LARGEST_RESPONSE:
            _log(f"A response has more than {LARGEST_RESPONSE} bytes, so it was not read.")
            raise requests.ConnectionError("the response is too large")
    return bytes(body)


def _checked_target(self: requests.Session, resp: requests.Response) -> str | None:
    """Return where a redirect leads, None without one; Raises: requests.InvalidURL."""
    target = _get_redirect_target(self, resp)
    if target is None:
        return None
    source = resp.url or ""
    problem = redirect_problem(source, urljoin(source, target))
    if problem:
        _log(f"The service redirects to {problem}, so almaflow did not follow it.")
        raise requests.exceptions.InvalidURL(problem)
    return target


def redirect_problem(source: str, target: str) -> str:
    """Return what speaks against following a redirect, empty when nothing does.

    A redirect stays on its host, or leads to a public address; it never gives up TLS. A service
    could otherwise reach what only this machine can: its own ports, the metadata of a cloud.
    """
    try:
        here, there = urlsplit(source), urlsplit(target)
        ports = (here.port, there.port)
    except ValueError:
        return "an invalid address"
    if there.scheme not in ("http", "https") or not there.hostname:
        return "an address that is not a web address"
    if here.scheme == "https" and there.scheme == "http":
        return "an unencrypted address"
    if there.hostname == here.hostname and (ports[0] == ports[1] or is_public(there.hostname)):
        return ""
    return "" if is_public(there.hostname) else "an address that is not public"


def is_public(host: str) -> bool:
    """Whether every address of *host* is one of the internet; a host without any has none."""
    try:
        addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return bool(addresses) and all(_is_global(str(entry[4][0])) for entry in addresses)


def _is_global(text: str) -> bool:
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    return address.is_global and not address.is_multicast


def _log(text: str) -> None:
    logging.getLogger("apprise").warning(text)


if __name__ == "__main__":
    main()
