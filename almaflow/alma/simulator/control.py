"""The control door: faults, clock and state of a served simulator, as JSON.

    GET    /almaflow/simulator/state     sets, jobs and the last runs; how many requests
    GET    /almaflow/simulator/clock     {"now": "2026-11-01T02:00:00+00:00"}
    POST   /almaflow/simulator/clock     {"advance": "2h"}
    GET    /almaflow/simulator/faults    {"faults": [{"kind": "reset", "call": "submit", "met": 0}]}
    POST   /almaflow/simulator/faults    one fault, as in a scenario; added to the others
    PUT    /almaflow/simulator/faults    {"faults": [...]} instead of the others
    GET    /almaflow/simulator/webhooks  {"webhooks": [{"url": ..., "active": true, ...}]}
    POST   /almaflow/simulator/webhooks  one webhook, as in a scenario; added to the others
    PUT    /almaflow/simulator/webhooks  {"webhooks": [...]} instead of the others
    POST   /almaflow/simulator/reset     everything as at the start; the keys stay

It answers to this machine only, and not to web pages: a page's request has `Origin`, or another
name in `Host`, or does not have JSON as its content type.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from almaflow.alma.simulator.alma import SimulatedAlma
from almaflow.alma.simulator.hosts import is_loopback, name_in
from almaflow.alma.simulator.reply import Reply
from almaflow.alma.simulator.request_log import Log
from almaflow.alma.simulator.scenario import Fault
from almaflow.alma.simulator.scenario_fields import Duration, Few, Moment, Part
from almaflow.alma.simulator.scenario_webhooks import Webhook
from almaflow.alma.simulator.webhooks import Webhooks

PREFIX = "/almaflow/simulator/"
# Bytes; a fault has some hundred.
_LARGEST_BODY = 256 * 1024
# Runs of each institution in the state, the last ones.
_RUNS = 100
# The clock is never moved beyond it, so that it never leaves the calendar.
_LAST = datetime(2300, 1, 1, tzinfo=UTC)
# Of a browser's requests, or of those that a proxy passes on from elsewhere.
_FOREIGN = ("origin", "forwarded", "x-forwarded-for", "x-forwarded-host", "via", "sec-fetch-site")


class MovableClock:
    """A clock that can be set forward."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        return self._now() + self._ahead

    def advance(self, duration: timedelta) -> None:
        """Move the clock. Raises: ValueError if it would pass the year 2300."""
        if self() > _LAST - duration:
            raise ValueError("The clock of the simulator cannot pass the year 2300.")
        self._ahead += duration


class _Advance(BaseModel):
    model_config = ConfigDict(extra="forbid")
    advance: Duration


class _Faults(BaseModel):
    model_config = ConfigDict(extra="forbid")
    faults: Few[Fault] = Field(default=())


class _Webhooks(BaseModel):
    model_config = ConfigDict(extra="forbid")
    webhooks: Few[Webhook] = Field(default=())


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ControlDoor:
    """Reads and changes the simulated Alma that *make* returns, together with its clock.

    Its webhooks are those of the scenario and *webhooks*; *log* receives what they send.
    """

    def __init__(
        self,
        make: Callable[[], tuple[SimulatedAlma, MovableClock]],
        webhooks: Sequence[Webhook] = (),
        log: Log | None = None,
    ) -> None:
        self._make = make
        self.alma, self._clock = make()
        every = (*self.alma.scenario.webhooks, *webhooks)
        self.webhooks = Webhooks(lambda: self.alma, every, log=log)
        self._actions: dict[tuple[str, str], Callable[[bytes], dict[str, Any]]] = {
            ("GET", "state"): self._state,
            ("GET", "clock"): self._time,
            ("POST", "clock"): self._advance,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._add_fault,
            ("PUT", "faults"): self._replace_faults,
            ("GET", "webhooks"): self._list_webhooks,
            ("POST", "webhooks"): self._add_webhook,
            ("PUT", "webhooks"): self._replace_webhooks,
            ("POST", "reset"): self._reset,
        }

    def handle(
        self, peer: str, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """Answer a request from the address *peer*; header names are lower-case."""
        try:
            _check_caller(peer, method, headers, body)
            action = self._actions.get((method, path.removeprefix(PREFIX)))
            if action is None:
                listed = ", ".join(f"{verb} {PREFIX}{name}" for verb, name in self._actions)
                raise _Refused(404, f"The simulator has no such control. Use one of {listed}.")
            return _reply(200, action(body))
        except _Refused as refused:
            return _reply(refused.status, {"error": str(refused)})
        except ValidationError as error:
            return _reply(400, {"error": _problem(error)})

    def _state(self, _: bytes) -> dict[str, Any]:
        requests = self.alma.received()
        return {
            **self._time(b""),
            "institutions": {name: self._institution(name) for name in self.alma.names()},
            "requests": {
                "remembered": len(requests),
                "by_call": Counter(request.call or "unknown" for request in requests),
                "by_status": Counter(str(request.status) for request in requests),
            },
        }

    def _institution(self, name: str) -> dict[str, Any]:
        runs = self.alma.instances(institution=name)
        return {
            "jobs": len(self.alma.institution(name).jobs),
            "sets": len(self.alma.institution(name).sets),
            "runs": len(runs),
            "last_runs": [
                {
                    "id": run.id,
                    "job_id": run.job.id,
                    "name": run.name,
                    "submitted_at": run.timeline.submitted_at.isoformat(),
                    "ended": run.timeline.final_at <= self._clock(),
                }
                for run in runs[-_RUNS:]
            ],
        }

    def _time(self, _: bytes) -> dict[str, Any]:
        return {"now": self._clock().astimezone(UTC).isoformat()}

    def _advance(self, body: bytes) -> dict[str, Any]:
        duration = _Advance.model_validate(_parsed(body)).advance
        with _refusing():
            self._clock.advance(duration)
        return self._time(b"")

    def _list_faults(self, _: bytes) -> dict[str, Any]:
        return {
            "faults": [
                {**as_written(fault, "kind", "call"), "met": met}
                for fault, met in self.alma.faults.listed()
            ]
        }

    def _add_fault(self, body: bytes) -> dict[str, Any]:
        fault = Fault.model_validate(_parsed(body))
        present = [fault for fault, _ in self.alma.faults.listed()]
        # The number of faults has a limit.
        _Faults(faults=(*present, fault))
        self.alma.add_fault(fault)
        return self._list_faults(b"")

    def _replace_faults(self, body: bytes) -> dict[str, Any]:
        self.alma.faults.replace(_Faults.model_validate(_without_counts(_parsed(body))).faults)
        return self._list_faults(b"")

    def _list_webhooks(self, _: bytes) -> dict[str, Any]:
        return {"webhooks": self.webhooks.listed()}

    def _add_webhook(self, body: bytes) -> dict[str, Any]:
        webhook = Webhook.model_validate(_parsed(body))
        with _refusing():
            self.webhooks.add(webhook)
        return self._list_webhooks(b"")

    def _replace_webhooks(self, body: bytes) -> dict[str, Any]:
        webhooks = _Webhooks.model_validate(_parsed(body)).webhooks
        with _refusing():
            self.webhooks.replace(webhooks)
        return self._list_webhooks(b"")

    def _reset(self, _: bytes) -> dict[str, Any]:
        alma, clock = self._make()
        alma.link_base = self.alma.link_base
        alma.links_follow_client = self.alma.links_follow_client
        self.alma, self._clock = alma, clock
        self.webhooks.start()
        return self._time(b"")


def _check_caller(peer: str, method: str, headers: Mapping[str, str], body: bytes) -> None:
    named = name_in(headers.get("host", "").strip())
    if not is_loopback(peer) or not is_loopback(named):
        raise _Refused(403, "The simulator can be controlled from its own machine only.")
    if any(name in headers for name in _FOREIGN):
        raise _Refused(403, "The simulator cannot be controlled by web pages or through a proxy.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method != "GET" and kind != "application/json":
        raise _Refused(415, "Send JSON with the header `Content-Type: application/json`.")
    if len(body) > _LARGEST_BODY:
        raise _Refused(413, f"The body has more than {_LARGEST_BODY} bytes.")


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _Refused(400, "The body is not JSON.") from None


@contextmanager
def _refusing() -> Iterator[None]:
    """Refuse the request with the sentence of a ValueError."""
    try:
        yield
    except ValueError as error:
        raise _Refused(400, str(error)) from error


def _without_counts(data: Any) -> Any:
    """Return faults as they are sent, or as they are listed, without how often each was met."""
    faults = data.get("faults") if isinstance(data, dict) else None
    if not isinstance(faults, list):
        return data
    plain = [
        {name: value for name, value in fault.items() if name != "met"}
        if isinstance(fault, dict)
        else fault
        for fault in faults
    ]
    return {**data, "faults": plain}


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    text = f"{place}: {first['msg']}" if place else first["msg"]
    return f"The body is wrong at {text[:1000]}."


def _reply(status: int, data: dict[str, Any]) -> Reply:
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return Reply(status, headers, json.dumps(data).encode() + b"\n")


_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def as_written(part: Part, *always: str) -> dict[str, Any]:
    """Return the fields of *part* that differ from their defaults, and those named in *always*.

    What is returned is JSON, and as a part of a scenario it is equal to *part*.
    """
    return {
        field.alias or name: _plain(getattr(part, name))
        for name, field in type(part).model_fields.items()
        if name in always or getattr(part, name) != field.default
    }


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, Moment):
        return _moment(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def _duration(duration: timedelta) -> str:
    left, text = int(abs(duration).total_seconds()), ""
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        text += f"{count}{unit}" if count else ""
    return f"{'-' if duration < timedelta(0) else ''}{text or '0s'}"


def _moment(moment: Moment) -> str:
    if moment.since_start is not None:
        return _duration(moment.since_start)
    if moment.time_of_day is not None:
        return f"{moment.time_of_day:%H:%M}"
    return moment.instant.isoformat() if moment.instant is not None else ""
