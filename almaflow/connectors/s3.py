"""Files in a bucket of S3, or of a server that speaks as S3 does: fsspec's s3fs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import fsspec
from aiobotocore.httpsession import AIOHTTPSession
from fsspec.asyn import sync

from almaflow.connectors.base import ConnectorSession, Write
from almaflow.connectors.errors import (
    ConnectorError,
    ConnectorRefused,
    FileChanged,
    TemporaryFailure,
    Unreachable,
)
from almaflow.connectors.remote import ANSWER, CONNECT, RemoteSession, RemoteSource, why
from almaflow.connectors.time_limit import TimeLimit

# Bytes of a file that are asked for at a time, and seconds for them, or for a page of a listing.
_PIECE, _PAGE = 1024 * 1024, 120.0

# Bytes of a page, or of an error: 1,000 keys of 1 KiB each, packed in XML, with every character
# escaped.
LARGEST_PAGE = 8 * 1024 * 1024

# The header by which S3 says where a bucket is, instead of where the request was sent.
_REGION = "x-amz-bucket-region"

# What repeating changes nothing about, among the errors of botocore.
_FOR_GOOD = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "ParamValidationError",
        "ProfileNotFound",
        "TokenRetrievalError",
    }
)

# Whose errors are the other side's, or the network's.
_LIBRARIES = ("aiobotocore", "aiohttp", "asyncio", "botocore", "s3fs")

_NOT_REACHED = frozenset({"EndpointConnectionError", "ConnectTimeoutError"})


class S3Source(RemoteSource):
    """A folder of a bucket."""

    @contextmanager
    def session(self) -> Iterator[ConnectorSession]:
        server = self.server
        fs = fsspec.filesystem(
            "s3",
            key=server.user,
            secret=server.password,
            endpoint_url=server.endpoint,
            config_kwargs={
                "connect_timeout": CONNECT,
                "read_timeout": ANSWER,
                "retries": {"total_max_attempts": 1},
                "http_session_cls": _BoundedSession,
            },
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        # Its own attempts, each after a longer pause, would keep a thread.
        fs.retries = 1
        # Within the bucket: its root is that of the address.
        folder = posixpath.normpath(posixpath.join("/", server.folder(self.search.folder)))
        path = f"{server.host}{folder}".rstrip("/")
        yield _Session(fs, path, self, TimeLimit(self.what))


class _Session(RemoteSession):
    def entries(self) -> Iterator[Mapping[str, Any]]:
        bucket, _, folder = self.folder.partition("/")
        prefix = f"{folder}/" if folder else ""
        asked: dict[str, str] = {"Bucket": bucket, "Prefix": prefix, "Delimiter": "/"}
        while True:
            self.patience.check()
            page = self.fs.call_s3("list_objects_v2", **asked, timeout=_PAGE)
            for entry in page.get("Contents", ()):
                name = entry["Key"].removeprefix(prefix)
                # What has a slash lies in a folder inside, or is an object for such a folder.
                if name and "/" not in name:
                    yield {**entry, "name": name, "size": entry["Size"], "type": "file"}
            token = page.get("NextContinuationToken")
            if not page.get("IsTruncated") or not token or token == asked.get("ContinuationToken"):
                return
            asked["ContinuationToken"] = token

    def transfer(self, path: str, write: Write) -> None:
        bucket, _, key = path.partition("/")
        body = self.fs.call_s3("get_object", Bucket=bucket, Key=key, timeout=_PAGE)["Body"]
        try:
            while piece := sync(self.fs.loop, body.read, _PIECE, timeout=_PAGE):
                self.patience.check()
                write(piece)
        finally:
            body.close()

    def meaning(self, error: Exception, name: str | None) -> ConnectorError | None:
        what = self.what
        if isinstance(error, FileNotFoundError) or type(error).__name__ == "FileExpired":
            if name is not None:
                return FileChanged(f"{name} was removed or replaced")
            return ConnectorRefused(f"{what} has no bucket or folder {self.folder}. Correct `url`.")
        if isinstance(error, PermissionError):
            return ConnectorRefused(
                f"{what} does not allow access to {self.folder} ({why(error)}). Correct the "
                "user in `url`, which is the id of the key, or `password`, which is its secret."
            )
        if type(error).__name__ in _FOR_GOOD:
            return ConnectorRefused(
                f"There is no key for {what} ({why(error)}). Write the id of the key as the "
                "user in `url` (s3://KEY_ID@bucket/folder), and its secret as `password`."
            )
        if type(error).__name__ in _NOT_REACHED:
            return Unreachable(f"{what} cannot be reached ({why(error)}).")
        if isinstance(error, OSError) or type(error).__module__.startswith(_LIBRARIES):
            return TemporaryFailure(f"{what} did not send {name or self.folder} ({why(error)}).")
        return None


class _BoundedSession(AIOHTTPSession):  # type: ignore[misc]
    """The library's way to a server, without redirects, with a bound on what it reads whole."""

    async def _get_session(self, proxy_url: str | None) -> Any:
        return _WithoutRedirects(await super()._get_session(proxy_url))

    async def send(self, request: Any) -> Any:
        is_file = request.stream_output
        # Else the library reads everything.
        request.stream_output = True
        response = await super().send(request)
        if 300 <= response.status_code < 400 and _REGION not in response.headers:
            # The library would search for the region by the same request, without end.
            response.raw.close()
            raise ConnectorRefused(
                f"The server of a bucket responded with HTTP {response.status_code}, a "
                "redirect, which almaflow does not follow. Correct `endpoint` in almaflow.yaml."
            )
        if not is_file or response.status_code >= 300:
            response._content = await _page(response.raw)
        return response


class _WithoutRedirects:
    """A session of aiohttp that follows no redirect: it could lead to a port of this machine."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def request(self, method: str, **options: Any) -> Any:
        return self._session.request(method, **options, allow_redirects=False)


async def _page(response: Any) -> bytes:
    """Return the body of a response; Raises: ConnectorRefused when it is too large."""
    body = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        body += piece
        if len(body) > LARGEST_PAGE:
            response.close()
            raise ConnectorRefused(
                f"The server of a bucket sent a page of more than {LARGEST_PAGE} bytes, which "
                "is more than any list needs. Correct `endpoint`, or ask the operator of the "
                "server."
            )
    return bytes(body)
