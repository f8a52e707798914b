"""Reads one request of a client within limits: its head, and its body by length or in chunks."""

from __future__ import annotations

import re
from email.message import Message
from http import HTTPStatus
from io import BufferedIOBase

from almaflow.alma.simulator.connections import IncomingBytes, Limits


class RequestRefused(Exception):
    """A request that is not whole, too large, too slow or not HTTP; the text is a sentence."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def read_head(stream: BufferedIOBase, limits: Limits) -> bytes:
    """Return request line and headers; empty if the client ended before they did.

    Raises: RequestRefused, TimeoutError.
    """
    head, left = b"", limits.head
    while left > 0:
        line = stream.readline(left)
        left -= len(line)
        if line.strip(b"\r\n") or not line.endswith(b"\n"):
            head += line
        elif head:
            return head + line
        if left > 0 and not line.endswith(b"\n"):
            return b""
    if b"\n" in head:
        raise _too_large("The request's headers are too long.")
    raise RequestRefused(HTTPStatus.REQUEST_URI_TOO_LONG, "The request's first line is too long.")


def read_body(
    stream: BufferedIOBase, headers: Message, incoming: IncomingBytes, limits: Limits
) -> bytes:
    """Return the whole body that *headers* announce, and give *incoming* the time for its size.

    A body that is cut short is refused, so that no request is processed by half.

    Raises: RequestRefused, TimeoutError.
    Source: RFC 9112, 6, "Message Body", and 7.1, "Chunked Transfer Coding".
    """
    if headers.defects or headers.get_payload():
        # What the parser takes for the end of the headers may hide others.
        raise _bad("A header is not `Name: value`.")
    codings = headers.get_all("transfer-encoding", [])
    lengths = {text.strip() for text in headers.get_all("content-length", [])}
    if codings:
        if lengths or [coding.strip().lower() for coding in codings] != ["chunked"]:
            raise _bad("`Transfer-Encoding` must be `chunked` and without `Content-Length`.")
        return _read_chunks(stream, incoming, limits)
    if len(lengths) > 1:
        raise _bad("The request has two different `Content-Length` headers.")
    size = _whole(lengths.pop() if lengths else "0", 10, "`Content-Length` is not a number.")
    _check_size(size, limits)
    incoming.allow_more(limits.seconds_for(size) - limits.request)
    return _read_exactly(stream, size)


def _read_chunks(stream: BufferedIOBase, incoming: IncomingBytes, limits: Limits) -> bytes:
    body, left = bytearray(), limits.head
    while True:
        line = stream.readline(100)
        if line and not line.endswith(b"\n"):
            raise _bad("The size of a chunk is incomplete or too long.")
        text = line.partition(b";")[0].strip().decode("latin-1")
        size = _whole(text, 16, "A chunk has no size.")
        if size == 0:
            break
        _check_size(len(body) + size, limits)
        incoming.allow_more(limits.seconds_for(size) - limits.request)
        body += _read_exactly(stream, size)
        if stream.readline(2) not in (b"\r\n", b"\n"):
            raise _bad("A chunk is longer than its size.")
    while (line := stream.readline(left + 1)) not in (b"\r\n", b"\n"):
        left -= len(line)
        if left < 0:
            raise _too_large("The trailers are too long.")
        if not line.endswith(b"\n"):
            raise _cut_short()
    return bytes(body)


def _read_exactly(stream: BufferedIOBase, size: int) -> bytes:
    body = stream.read(size)
    if len(body) < size:
        raise _cut_short()
    return body


def _whole(text: str, base: int, message: str) -> int:
    """Return the number that digits spell, or one that is larger than every limit."""
    if not re.fullmatch("[0-9]+" if base == 10 else "[0-9A-Fa-f]+", text):
        raise _bad(message)
    # Python refuses to read numbers of thousands of digits.
    return int(text, base) if len(text) <= 20 else 10**20


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.body:
        raise RequestRefused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has more than {limits.body} bytes."
        )


def _bad(message: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.BAD_REQUEST, message)


def _cut_short() -> RequestRefused:
    return _bad("The body is shorter than its declared length, so the request was not processed.")


def _too_large(message: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, message)
