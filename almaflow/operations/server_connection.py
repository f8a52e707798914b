"""Requests to the API of an `almaflow serve` on another machine.

The token is sent to the address that the person named and nowhere else: redirects are not
followed, the certificate is verified, and http is for this machine only.

    AlmaflowError
    ├── ServerUnreachable     no response, or one that is not the API's
    ├── ServerRefused         the server could not do it: status 409 or 5xx
    └── RequestWrong          the request was wrong, or the token does not allow it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.auth import AuthBase
from urllib3.util import Timeout

from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.loopback import is_loopback
from almaflow.store import RunNotFound

_DONE = (HTTPStatus.OK, HTTPStatus.ACCEPTED)
# Seconds for a connection, and between two pieces of a response.
_TIMEOUT = Timeout(connect=10, read=60)
# Of a response, unpacked; the details of the largest run are 16 MiB and more.
_LARGEST = 64 * 1024 * 1024
_PIECE = 64 * 1024
# Of a refusal's sentence.
_LONGEST_SENTENCE = 2000


class ServerUnreachable(AlmaflowError):
    """The server did not respond, or what responds is not almaflow's API."""


class ServerRefused(AlmaflowError):
    """The server could not do what was asked."""


@dataclass(frozen=True)
class Answer:
    """A document; *next* is the address of the next page, empty when this is the last one."""

    text: bytes
    next: str = ""


class _Bearer(AuthBase):
    """Sends the token; being there, it also keeps a password of ~/.netrc out."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class ServerConnection:
    """A server at *url*; safe as long as one thread uses it."""

    def __init__(self, url: str, token: str | None) -> None:
        """Prepare requests; nothing is sent. Raises: RequestWrong."""
        self._base = _checked(url)
        if token is not None and not (token.isascii() and token.isprintable()):
            raise RequestWrong("The token has characters that no token has. Store it once more.")
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        self._session.headers["Accept"] = "application/json"
        if is_loopback(urlsplit(self._base).hostname or ""):
            # A proxy would read what is sent to this machine.
            self._session.trust_env = False

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def get(self, *path: str, **query: Any) -> Answer:
        """Return the document at a path below /api; query values of None are left out.

        Raises:
            RequestWrong: it is not there, a value is wrong, or the token does not allow it.
            ServerUnreachable: there was no response of almaflow.
            ServerRefused: the server could not answer.
        """
        pairs = {name: value for name, value in query.items() if value is not None}
        text = f"?{urlencode(pairs, doseq=True)}" if pairs else ""
        return self._send("GET", f"/api/{_joined(path)}{text}", None)

    def get_next(self, address: str) -> Answer:
        """Return the page at the address that an answer named; Raises: as `get`."""
        if not address.startswith("/api/"):
            raise ServerUnreachable(f"{self._base} sent an address that is not the API's.")
        return self._send("GET", address, None)

    def post(self, *path: str, body: Mapping[str, Any], key: str | None = None) -> Answer:
        """Send *body* to a path below /api and return the answer; Raises: as `get`.

        With *key*, a request that is sent twice is carried out once.
        """
        headers = None if key is None else {"Idempotency-Key": key}
        return self._send("POST", f"/api/{_joined(path)}", body, headers)

    def _send(
        self,
        method: str,
        target: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        try:
            with self._session.request(
                method,
                self._base + target,
                json=body,
                headers=headers,
                timeout=_TIMEOUT,  # type: ignore[arg-type]
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._answer(response, _content(response))
        except (requests.RequestException, OSError) as error:
            raise ServerUnreachable(f"{self._base}: {_reason(error)}") from error

    def _answer(self, response: requests.Response, text: bytes) -> Answer:
        status = response.status_code
        if response.is_redirect or 300 <= status < 400:
            raise ServerUnreachable(
                f"{self._base} sends requests to another address ({status}), which almaflow does "
                "not follow with a token. Use the address of `almaflow serve` itself."
            )
        document = _json(text)
        if status in _DONE and document is not None:
            return Answer(text, response.links.get("next", {}).get("url", ""))
        sentence = document.get("error") if isinstance(document, dict) else None
        if not isinstance(sentence, str) or status in _DONE:
            raise ServerUnreachable(
                f"What responds at {self._base} (status {status}) is not the page of `almaflow "
                "serve`. Check the address."
            )
        raise _refusal(status, sentence[:_LONGEST_SENTENCE], document.get("code"))


def _refusal(status: int, sentence: str, code: object) -> AlmaflowError:
    if code == "run-not-found":
        return RunNotFound(sentence)
    if status == HTTPStatus.UNAUTHORIZED:
        return RequestWrong(
            f"{sentence} Name where your token is, such as `--token env:ALMAFLOW_TOKEN`."
        )
    if code == "not-in-alma":
        return ServerRefused(sentence)
    if status == HTTPStatus.CONFLICT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerRefused(sentence)
    return RequestWrong(sentence)


def _checked(url: str) -> str:
    """Return the address without a slash at its end; Raises: RequestWrong."""
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise RequestWrong(
            "`--server` needs the address of the page of `almaflow serve`, such as "
            "`https://almaflow.example.org`."
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise RequestWrong(
            "The address of `--server` has a password, a query or a `#`. Write only scheme, host, "
            "port and path, and name the token with `--token env:NAME`."
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise RequestWrong(
            f"`--server http://{host}` would send the token unencrypted. Use `https://`; `http://` "
            "is allowed for this machine only (localhost, 127.0.0.1)."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _joined(path: tuple[str, ...]) -> str:
    return "/".join(quote(part, safe="") for part in path)


def _content(response: requests.Response) -> bytes:
    """Return the body; Raises: ServerUnreachable when it is too large."""
    content = bytearray()
    for piece in response.iter_content(_PIECE):
        content += piece
        if len(content) > _LARGEST:
            size = _LARGEST // (1024 * 1024)
            raise ServerUnreachable(f"The response of the server is larger than {size} MiB.")
    return bytes(content)


def _json(text: bytes) -> Any:
    """Return the document in *text*; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _reason(error: Exception) -> str:
    match error:
        case requests.exceptions.SSLError():
            return (
                "the certificate cannot be verified. If your institution issued it, name its "
                "authority in the environment variable REQUESTS_CA_BUNDLE."
            )
        case requests.exceptions.ProxyError():
            return "the proxy of this machine (HTTPS_PROXY) does not pass the request on."
        case requests.exceptions.Timeout():
            return "the server does not respond in time. Try again later."
        case requests.exceptions.ConnectionError():
            return "there is no connection. Check the address, and whether `almaflow serve` runs."
    return f"the request failed ({type(error).__name__}). Check the address."
