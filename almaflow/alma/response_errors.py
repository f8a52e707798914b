"""Classifies a response of Alma: as a result, or as one of the errors.

Alma's code decides first, because the same error has several HTTP statuses. In doubt it is a
`ResponseLost`, because a write that Alma may have accepted must be searched for. So a write is
refused only in Alma's own words: what a proxy, a login page or another gateway says instead, with
whatever status, does not tell whether it passed the request on.

Source: `alma-api.md`, 10.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from almaflow.alma import error_advice
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.errors import (
    AlmaBusy,
    AlmaError,
    AlmaMessage,
    AlmaRefused,
    ResponseLost,
    Threshold,
)
from almaflow.alma.response_body import BodyFormat, ResponseBody
from almaflow.alma.value_parsing import code, name, printable, text

_BUSY = {
    "DAILY_THRESHOLD": Threshold.DAY,
    "PER_SECOND_THRESHOLD": Threshold.CALLS,
    "402222": Threshold.JOBS,
    "402223": Threshold.JOBS,
    "60347": Threshold.OVERLAP,
}

_SERVER_ERROR = "INTERNAL_SERVER_ERROR"

# With these codes, whatever the HTTP status, Alma may have done the work.
_LOST = frozenset(
    {"ROUTING_ERROR", "GENERAL_ERROR", _SERVER_ERROR, "402119", "402224", "402225", "402226"}
)

MOST_MESSAGES = 10
"""The number of entries of an error list that are kept; Alma's lists have one or two."""

LONGEST_LOCATION = 200
"""Characters of a redirection's target that are shown."""

LONGEST_DATA = 200
"""Characters of data that are shown in place of an error."""

_KEY_REFUSAL = "invalid api key"
"""What older gateways of Alma say about a wrong key, as plain text (alma-api.md 10.4)."""

_KEY_REFUSED = (400, 401, 403)
_TOO_MANY_REQUESTS = 429
_REQUEST_TIMEOUT = 408
_PARTIAL = 206
_NOT_MODIFIED = 304


def verdict(
    institution: str,
    call: AlmaRequest[Any],
    status: int,
    body: ResponseBody,
    location: str = "",
) -> AlmaError | None:
    """Return the error for a response; None when it is a result.

    *location* is the header of that name.
    """
    judge = _Judge(institution, call, status, location)
    messages = alma_messages(body.data)
    if messages:
        return judge.of_codes(messages)
    if status < 200 or status >= 400:
        return judge.of_status(body)
    if status >= 300:
        return judge.redirected()
    return judge.of_success(body)


def alma_messages(data: Any) -> tuple[AlmaMessage, ...]:
    """Return the entries of Alma's error list, in every form it is known to come in."""
    if not isinstance(data, Mapping):
        return ()
    envelope = data.get("web_service_result", data)
    if not isinstance(envelope, Mapping):
        return ()
    listed = envelope.get("errorList")
    entries = listed.get("error") if isinstance(listed, Mapping) else listed
    messages = tuple(
        AlmaMessage(
            code(entry.get("errorCode")),
            " ".join(name(entry.get("errorMessage")).split()),
            code(entry.get("trackingId")),
        )
        for entry in map(_object, _first_ones(entries))
    )
    if not messages and text(envelope.get("errorsExist")) == "true":
        return (AlmaMessage("", "an error without a text"),)
    return messages


def _first_ones(entries: Any) -> Sequence[Any]:
    """Return the entries of an error list, which may be a single one, or absent."""
    if not isinstance(entries, list):
        return () if entries is None or entries == "" else (entries,)
    return [entry for entry in entries[:MOST_MESSAGES] if entry is not None]


def _object(entry: Any) -> Mapping[str, Any]:
    return entry if isinstance(entry, Mapping) else {"errorMessage": name(entry)}


def _is_wrong_path(message: AlmaMessage) -> bool:
    """Whether Analytics has no such report, which it says with HTTP 500 (alma-api.md 17)."""
    return message.code == _SERVER_ERROR and message.message.startswith("Path not found")


class _Judge:
    """Classifies one response to one call."""

    def __init__(
        self, institution: str, call: AlmaRequest[Any], status: int, location: str
    ) -> None:
        self._who = f"Alma ({institution})"
        self._call = call
        self._status = status
        self._location = location

    def of_codes(self, messages: tuple[AlmaMessage, ...]) -> AlmaError:
        codes = [message.code for message in messages]
        reason = "; ".join(str(message) for message in messages)
        if not self._call.is_write and all(map(_is_wrong_path, messages)):
            return self._refused(reason, messages, "")
        if _LOST.intersection(codes):
            return self._lost(reason, messages)
        busy = next((_BUSY[code] for code in codes if code in _BUSY), None)
        if busy is None and self._status == _TOO_MANY_REQUESTS:
            busy = Threshold.CALLS
        if busy is not None:
            return self._busy(busy, reason, messages)
        # Each of Alma's refusals has a code; a list without one may be another server's.
        if self._is_uncertain or (self._call.is_write and not all(codes)):
            return self._lost(reason, messages)
        return self._refused(reason, messages, error_advice.for_codes(codes))

    def of_status(self, body: ResponseBody) -> AlmaError:
        """An error without an error list: 503, HTML, `Invalid API Key` …"""
        if self._status == _TOO_MANY_REQUESTS:
            return self._busy(Threshold.CALLS, body.summary or "too many requests", ())
        if self._is_uncertain or body.shape is BodyFormat.BROKEN:
            # A body that cannot be read may have been ROUTING_ERROR.
            return self._lost(_excerpt_of(body), ())
        if self._status in _KEY_REFUSED and body.summary.rstrip(".").casefold() == _KEY_REFUSAL:
            return self._refused(_excerpt_of(body), (), error_advice.KEY)
        return self._foreign(
            _excerpt_of(body),
            error_advice.for_status(self._status, is_page=body.shape is BodyFormat.HTML),
        )

    def redirected(self) -> AlmaError:
        target = printable(self._location.partition("?")[0][:LONGEST_LOCATION])
        where = f" to {target}" if target else " without an address"
        reason = f"a redirection{where}, which almaflow does not follow"
        if self._status == _NOT_MODIFIED:
            reason = "no response, because another server believes that almaflow has an earlier one"
        return self._foreign(reason, error_advice.WRONG_HOST)

    def of_success(self, body: ResponseBody) -> AlmaError | None:
        if self._status == _PARTIAL:
            # Nobody asked for a range, so a proxy answered from what it has kept.
            return self._lost("only a part of the response, which almaflow did not ask for", ())
        if body.shape in (BodyFormat.DATA, BodyFormat.EMPTY):
            return None
        # A server accepted the request; whether a write took effect is not known.
        if body.shape is BodyFormat.HTML and not self._call.is_write:
            return self._foreign(_excerpt_of(body), error_advice.WRONG_HOST)
        return self._lost(_excerpt_of(body), ())

    @property
    def _is_uncertain(self) -> bool:
        return self._status >= 500 or self._status == _REQUEST_TIMEOUT

    def _foreign(self, reason: str, next_move: str) -> AlmaError:
        """The answer of another server: it may stand in front of Alma and have passed a write on.

        Whoever sent a login page, a redirection or a status alone, Alma may have done the work.
        """
        if self._call.is_write:
            return self._lost(reason, ())
        error = self._refused(reason, (), next_move)
        error.foreign = True
        return error

    def _refused(
        self, reason: str, messages: tuple[AlmaMessage, ...], next_move: str
    ) -> AlmaRefused:
        message = f"{self._who} refused {self._call.what} with HTTP {self._status}: {reason}."
        return AlmaRefused(message, **self._details(messages, next_move))

    def _busy(
        self, threshold: Threshold, reason: str, messages: tuple[AlmaMessage, ...]
    ) -> AlmaError:
        message = (
            f"{self._who} did not accept {self._call.what} now (HTTP {self._status}): {reason}."
        )
        details = self._details(messages, error_advice.BUSY[threshold])
        return AlmaBusy(message, threshold=threshold, **details)

    def _lost(self, reason: str, messages: tuple[AlmaMessage, ...]) -> AlmaError:
        message = (
            f"{self._who} responded to {self._call.what} with HTTP {self._status}, so it is "
            f"not known whether the request took effect: {reason}."
            if self._call.is_write
            else f"{self._who} could not process {self._call.what} (HTTP {self._status}): {reason}."
        )
        details = self._details(messages, error_advice.for_lost(self._call.is_write))
        return ResponseLost(message, why=f"HTTP {self._status}: {reason}", **details)

    def _details(self, messages: tuple[AlmaMessage, ...], next_move: str) -> dict[str, Any]:
        return {
            "what": self._call.what,
            "http_status": self._status,
            "messages": messages,
            "advice": next_move,
        }


def _excerpt_of(body: ResponseBody) -> str:
    """Return a description of what arrived instead of a response, to follow a colon."""
    message = body.summary.rstrip(".")
    match body.shape:
        case BodyFormat.HTML:
            return f"a web page instead of a response of Alma ('{message}')"
        case BodyFormat.EMPTY:
            return "an empty response"
        case BodyFormat.TEXT:
            return f"'{message}'"
        case BodyFormat.BROKEN:
            return message
        case BodyFormat.DATA:
            # A gateway's own form, such as {"message": "Forbidden"}.
            start = printable(json.dumps(body.data, ensure_ascii=False)[:LONGEST_DATA])
            return f"a response without an error list ('{start}')"
