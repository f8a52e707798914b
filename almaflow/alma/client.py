"""The only client of Alma: sends a call and returns its result or raises an error.

Only the client decides whether a request may be repeated, by the error that it raises. The client
never repeats a request itself; its caller does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, unquote, urlencode

from almaflow.alma import error_advice
from almaflow.alma.calls import API_BASE, AlmaRequest
from almaflow.alma.errors import AlmaError, AlmaMessage, AlmaUnreachable, NotInAlma, ResponseLost
from almaflow.alma.rate_limit import CallRate
from almaflow.alma.response_body import read_body
from almaflow.alma.response_errors import verdict
from almaflow.alma.transport import ConnectionLost, NotSent, Transport, WireRequest, WireResponse
from almaflow.alma.value_parsing import FURTHEST_CLOCK, UnreadableResponse, believed, printable
from almaflow.clock import Clock
from almaflow.errors import RequestWrong
from almaflow.redaction import NO_SECRETS, Mask
from almaflow.thread_pool import ThreadPool

T = TypeVar("T")

LARGEST_AT_ONCE = 64 * 1024
"""The largest response (bytes) that is parsed on the event loop; larger ones are parsed in a
thread, so that leases are renewed meanwhile. A full page of jobs has some 50 KiB and takes
milliseconds.
"""

LONGEST_HINT = 4_000
"""Characters of the simulator's hint that are kept."""

# Characters of a hint that comes from another host than a simulation's.
_LONGEST_LINE = 1_000

_LONGEST_DATE = 64
# Twelve digits, as `reading.LARGEST_COUNT`; an institution has some 100,000 calls a day.
_COUNT = r"\d{1,12}"

# Any error that a response might cause in its parser; `tests/fuzz` finds none that does.
_UNFORESEEN = (
    *(ValueError, TypeError, AttributeError, LookupError),
    *(ArithmeticError, RecursionError, MemoryError),
)


def _identity(value: Any) -> Any:
    return value


def _always() -> bool:
    return True


class ScenarioHelp(Protocol):
    """Says how the scenario of a simulated Alma would have to change."""

    def sentence(self, line: str) -> str:
        """Return what to do so that a refusal with the hint *line* does not come."""

    def missing(self, institution: str, error: NotInAlma, line: str) -> str:
        """Return what to do so that Alma has what *error* says it has not.

        *line* is the hint of the last answer.
        """


class AlmaClient:
    """Sends calls to one institution, *name* in messages.

    *reveal* replaces placeholders of secrets deep inside JSON-able data. *mask* redacts every known
    secret, including the key, in Alma's responses before they are parsed. With a *clock* the client
    learns how far Alma's clock is ahead of ours.

    Raises:
        RequestWrong: *key* is empty or has characters that a key cannot have.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        key: str,
        rate: CallRate | None = None,
        clock: Clock | None = None,
        reveal: Callable[[Any], Any] = _identity,
        mask: Mask = NO_SECRETS,
    ) -> None:
        self.name = name
        self.remaining_calls: int | None = None
        """The institution's remaining calls until midnight, as Alma last reported them."""
        self.last_date: datetime | None = None
        """The time of Alma's last response, by its clock (aware, UTC, whole seconds)."""
        self.scenario: ScenarioHelp | None = None
        """Says how the scenario of a simulated Alma would have to change; None: another Alma."""
        self.last_hint = ""
        """The simulator's last hint about its scenario; empty when there is none."""
        self._transport = transport
        self._readers = ThreadPool("alma-reading", 2)
        self._key = _checked(key.strip(), name)
        self._rate = rate or CallRate()
        self._clock = clock
        self._clock_reading: tuple[datetime, float] | None = None
        """The last time of Alma's clock, and the elapsed seconds of ours at that moment."""
        self._reveal = reveal
        self._mask = mask.also(self._key)

    @property
    def ahead(self) -> timedelta:
        """How far Alma's clock is ahead of ours now; negative when it is behind.

        Alma's time is continued from its last response by a clock that cannot be set, so ours may
        be set meanwhile. Zero until Alma has sent a date.
        """
        if self._clock is None or self._clock_reading is None:
            return timedelta()
        at, then = self._clock_reading
        return at + timedelta(seconds=self._clock.elapsed() - then) - self._clock.now()

    def provide(self, line: str) -> str:
        """Return advice about a simulated refusal: the *line* that the scenario needs, or empty
        text.

        It also says that the response is simulated.
        """
        if self.scenario is not None:
            return self.scenario.sentence(line)
        return f"To provide it, write in a scenario: {line[:_LONGEST_LINE]}" if line else ""

    def provide_missing(self, error: NotInAlma) -> str:
        """Return what `provide` returns, for what a search has not found."""
        return (
            "" if self.scenario is None else self.scenario.missing(self.name, error, self.last_hint)
        )

    async def ready(self) -> None:
        """Return when the rate of calls allows one more, for a `send` with *waited*."""
        await self._rate.wait()

    async def send(
        self, call: AlmaRequest[T], *, waited: bool = False, may_send: Callable[[], bool] = _always
    ) -> T:
        """Send *call* once and return its result; waits until the rate of calls allows it.

        A write is recorded before it is sent, so its caller calls `ready` first and says *waited*.
        *may_send* is called right before the first byte is sent, perhaps in another thread; if it
        returns False, nothing is sent.

        Raises:
            AlmaUnreachable: nothing was sent; repeating is safe.
            AlmaBusy: Alma asks to wait; repeating after the wait is safe.
            AlmaRefused: Alma responded with an error; repeating gets the same response.
            ResponseLost: sent, but no reliable response arrived; search for the effect of a
                write before repeating.
        """
        if not waited:
            await self.ready()
        try:
            answer = await self._transport.exchange(self._request(call, may_send))
        except NotSent as error:
            text = f"The request {call.what} did not reach Alma ({self.name}): {error}."
            raise self._masked(
                AlmaUnreachable(text, what=call.what, advice=error_advice.UNREACHABLE)
            ) from error
        except ConnectionLost as error:
            text = f"The response of Alma ({self.name}) to {call.what} was lost: {error}."
            next_move = error_advice.for_lost(call.is_write)
            raise self._masked(
                ResponseLost(
                    text, why=self._without_secrets(str(error)), what=call.what, advice=next_move
                )
            ) from error
        self._note(answer.headers)
        if len(answer.body) <= LARGEST_AT_ONCE:
            return self._result(call, answer)
        return await self._readers.run(self._result, call, answer)

    def close(self) -> None:
        """Close the transport's connections and end all threads."""
        self._readers.close()
        self._transport.close()

    def _request(self, call: AlmaRequest[Any], may_send: Callable[[], bool]) -> WireRequest:
        """Return *call* as it is sent, with secrets and key inserted."""
        headers = {"Authorization": f"apikey {self._key}", "Accept": call.accept}
        body = None
        if call.method in ("POST", "PUT"):
            # Some of Alma's endpoints respond to an empty body with 400.
            data = self._reveal(call.body if call.body is not None else {})
            # Characters are sent unescaped: some names in Alma contain a literal `\u00e9` because
            # of escapes.
            body = json.dumps(data, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json; charset=utf-8"
        path = "/".join(self._revealed_segment(segment) for segment in call.path.split("/"))
        query = urlencode([(name, self._reveal(value)) for name, value in call.query])
        target = f"{API_BASE}{path}?{query}" if query else f"{API_BASE}{path}"
        return WireRequest(
            call.method,
            target,
            headers,
            body,
            timeout=call.timeout,
            fresh=call.is_write,
            may_send=may_send,
        )

    def _revealed_segment(self, segment: str) -> str:
        plain = unquote(segment)
        revealed = self._reveal(plain)
        return segment if revealed == plain else quote(str(revealed), safe="")

    def _result(self, call: AlmaRequest[T], answer: WireResponse) -> T:
        """Return the result of the response; a large one is parsed in a thread."""
        try:
            content_type = answer.headers.get("content-type", "")
            body = read_body(answer.body, content_type, self._without_secrets)
            body = replace(body, data=self._mask.foreign(body.data))
            # Before any of it is cut: a part of a secret would not be found.
            location = self._without_secrets(answer.headers.get("location", ""))
            error = verdict(self.name, call, answer.status, body, location)
            if error is None:
                return call.read(body.data)
        except UnreadableResponse as unreadable:
            raise self._unreadable(call, answer.status, str(unreadable)) from unreadable
        except _UNFORESEEN as unforeseen:
            # The response could not be parsed. If it belongs to a write, search for the effect.
            why = (
                f"almaflow could not read the response ({type(unforeseen).__name__}: "
                f"{self._without_secrets(str(unforeseen))[:200]})"
            )
            raise self._unreadable(call, answer.status, why) from unforeseen
        raise self._masked(error)

    def _unreadable(self, call: AlmaRequest[Any], status: int, why: str) -> AlmaError:
        return self._masked(
            ResponseLost(
                f"Alma ({self.name}) responded to {call.what} with HTTP {status}, but {why}.",
                why=self._without_secrets(f"{why} (HTTP {status})"),
                what=call.what,
                http_status=status,
                advice=error_advice.for_lost(call.is_write),
            )
        )

    def _note(self, headers: Mapping[str, str]) -> None:
        """Record what the headers report: remaining calls, date, hint."""
        remaining = headers.get("x-exl-api-remaining", "").strip()
        if re.fullmatch(_COUNT, remaining, re.ASCII):
            self.remaining_calls = int(remaining)
        # A missing or odd date says nothing about Alma's clock.
        self.last_date = self._believed(_http_date(headers.get("date", "")))
        if self.last_date is not None and self._clock is not None:
            self._clock_reading = self.last_date, self._clock.elapsed()
        self.last_hint = printable(
            self._without_secrets(headers.get("x-simulator-hint", ""))[:LONGEST_HINT]
        )

    def _believed(self, date: datetime | None) -> datetime | None:
        """Return *date* unless it differs too much from our clock to be real."""
        if date is None or self._clock is None:
            return date
        return date if abs(date - self._clock.now()) <= FURTHEST_CLOCK else None

    def _masked(self, error: AlmaError) -> AlmaError:
        """Return *error* without secrets, and with the simulator's hint."""
        error.text = self._without_secrets(error.text)
        if error.http_status is not None:
            error.closing = self._without_secrets(self.provide(self.last_hint))
        error.advice = self._without_secrets(error.advice)
        error.messages = tuple(
            AlmaMessage(one.code, self._without_secrets(one.message), one.tracking_id)
            for one in error.messages
        )
        error.renew()
        return error

    def _without_secrets(self, text: str) -> str:
        return self._mask.text(text)


def _http_date(written: str) -> datetime | None:
    """Return an HTTP date (aware, UTC); None when it is not valid."""
    try:
        return believed(parsedate_to_datetime(written[:_LONGEST_DATE]))
    except (ValueError, OverflowError):
        return None


def _checked(key: str, name: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        fault = "contains characters that an API key cannot have" if key else "is empty"
        raise RequestWrong(
            f"The API key of the institution `{name}` {fault}. Copy it again from the "
            "Developer Network."
        )
    return key
