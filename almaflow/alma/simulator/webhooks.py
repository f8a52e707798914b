"""Webhooks of a served simulator: a thread for each listener, which ends with the server.

A listener is active once it has answered the challenge, which is repeated until then. From there on
it gets an event for each job that ends. A response of 5xx, or none, is repeated after one, three
and six hours of the simulated clock; every other response settles the event (alma-api.md 12).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from almaflow.alma.simulator.alma import SimulatedAlma
from almaflow.alma.simulator.call import iso
from almaflow.alma.simulator.request_log import Log, LoggedRequest
from almaflow.alma.simulator.runs import Instance
from almaflow.alma.simulator.scenario_webhooks import MOST_WEBHOOKS, Webhook, WebhookRefused
from almaflow.alma.simulator.webhook_exchange import PATIENCE, ListenerRequest, NoAnswer, exchange
from almaflow.alma.simulator.wire import render

_RETRIES = tuple(timedelta(hours=hours) for hours in (1, 3, 6))
# Seconds of the real clock between two looks at the simulated one.
_LOOK = 0.1
# And between two challenges: one more each time, so that a log is not full of them.
_CHALLENGE, _LONGEST = 1.0, 10.0
# Events that wait for a listener; of more, the oldest are dropped.
_MOST_WAITING = 10_000


@dataclass
class _Event:
    body: bytes
    due_at: datetime
    """By the simulated clock."""
    failures: int = 0


class Webhooks:
    """The listeners of the simulated Alma that *source* returns.

    *log* receives each request to a listener. *look* and *patience* are in seconds.
    """

    def __init__(
        self,
        source: Callable[[], SimulatedAlma],
        webhooks: Sequence[Webhook] = (),
        *,
        log: Log | None = None,
        look: float = _LOOK,
        patience: float = PATIENCE,
    ) -> None:
        self._source = source
        self._log = log
        self._look = look
        self._patience = patience
        self._lock = threading.Lock()
        self._listeners: list[_Listener] = []
        self._stopped = False
        self._first = self._checked(webhooks)

    @property
    def urls(self) -> list[str]:
        """Where events are sent from the start on."""
        return [webhook.url for webhook in self._first]

    def start(self) -> None:
        """Begin with the webhooks that were given, in place of others."""
        self.replace(self._first)

    def replace(self, webhooks: Sequence[Webhook]) -> None:
        """Send to *webhooks* from now on, and to no others. Raises: WebhookRefused."""
        self._checked(webhooks)
        with self._lock:
            before, self._listeners = self._listeners, []
            if not self._stopped:
                self._listeners = [self._started(webhook) for webhook in webhooks]
        _end(before)

    def add(self, webhook: Webhook) -> None:
        """Send to one more listener. Raises: WebhookRefused."""
        with self._lock:
            self._checked([*(listener.webhook for listener in self._listeners), webhook])
            if not self._stopped:
                self._listeners.append(self._started(webhook))

    def listed(self) -> list[dict[str, Any]]:
        """Return each webhook without its secret, and what happened to its events."""
        with self._lock:
            return [listener.state() for listener in self._listeners]

    def stop(self) -> None:
        """End all threads, also one that waits for a listener."""
        with self._lock:
            self._stopped = True
        self.replace(())

    def _started(self, webhook: Webhook) -> _Listener:
        listener = _Listener(webhook, self._source, self._log, self._look, self._patience)
        listener.start()
        return listener

    def _checked(self, webhooks: Sequence[Webhook]) -> tuple[Webhook, ...]:
        if len(webhooks) > MOST_WEBHOOKS:
            raise WebhookRefused(f"The simulator has at most {MOST_WEBHOOKS} webhooks.")
        for webhook in webhooks:
            webhook.secret_bytes()
        return tuple(webhooks)


def _end(listeners: Sequence[_Listener]) -> None:
    for listener in listeners:
        listener.end()
    for listener in listeners:
        listener.join()


class _Listener(threading.Thread):
    """Sends the events of one webhook."""

    def __init__(
        self,
        webhook: Webhook,
        source: Callable[[], SimulatedAlma],
        log: Log | None,
        look: float,
        patience: float,
    ) -> None:
        super().__init__(name="almaflow-webhook", daemon=True)
        self.webhook = webhook
        self._source = source
        self._log = log
        self._look = look
        self._patience = patience
        self._secret = webhook.secret_bytes()
        self._ended = threading.Event()
        self._connection: socket.socket | None = None
        self._counts = dict.fromkeys(("delivered", "refused", "failed", "dropped"), 0)
        self._error = ""
        self._challenges = 0
        self._begin(source())

    def _begin(self, alma: SimulatedAlma) -> None:
        self._alma = alma
        self._active_since: datetime | None = None
        # How many runs of each institution were seen, and those of them that have not ended.
        self._seen: dict[str, int] = {}
        self._open: list[tuple[str, Instance]] = []
        self._events: deque[_Event] = deque()

    def state(self) -> dict[str, Any]:
        return {
            "url": self.webhook.url,
            "institution": self.webhook.institution,
            "signed": bool(self._secret),
            "duplicates": self.webhook.duplicates,
            "active": self._active_since is not None,
            "waiting": len(self._events),
            **self._counts,
            "last_error": self._error,
        }

    def end(self) -> None:
        """Let the thread end, also while it waits for the listener."""
        self._ended.set()
        connection = self._connection
        if connection is not None:
            with suppress(OSError):
                # That of an SSLSocket would change what its thread is using.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def run(self) -> None:
        again = 0.0
        while not self._ended.wait(self._look):
            alma = self._source()
            if alma is not self._alma:
                self._begin(alma)
            if self._active_since is not None:
                self._collect(alma, self._active_since)
                self._deliver(alma)
            elif monotonic() >= again:
                self._challenge(alma)
                again = monotonic() + min(_CHALLENGE * self._challenges, _LONGEST)

    def _challenge(self, alma: SimulatedAlma) -> None:
        self._challenges += 1
        text = f"{random.Random(f'{self.webhook.url}{self._challenges}').getrandbits(128):032x}"
        since = alma.now()
        status, body = self._send(challenge_request(self.webhook.url, text))
        if status == 200 and is_answer(body, text):
            self._active_since = since
            self._error = ""
        elif status is not None:
            self._error = f"The listener did not return the challenge (status {status})."

    def _collect(self, alma: SimulatedAlma, since: datetime) -> None:
        """Make an event of each run that has ended."""
        now = alma.now()
        for name in filter(self.webhook.meant_for, alma.names()):
            runs = alma.runs_from(name, self._seen.get(name, 0))
            self._seen[name] = self._seen.get(name, 0) + len(runs)
            self._open += [(name, run) for run in runs if run.timeline.final_at > since]
        ended = [(name, run) for name, run in self._open if run.is_over(now)]
        if not ended:
            return
        self._open = [(name, run) for name, run in self._open if not run.is_over(now)]
        for name, run in sorted(ended, key=lambda pair: pair[1].timeline.final_at):
            body = job_end(alma, name, run)
            times = 2 if self.webhook.duplicates else 1
            self._events.extend(_Event(body, now) for _ in range(times))
        while len(self._events) > _MOST_WAITING:
            self._events.popleft()
            self._counts["dropped"] += 1

    def _deliver(self, alma: SimulatedAlma) -> None:
        for _ in range(len(self._events)):
            if self._ended.is_set() or self._source() is not alma:
                return
            event = self._events.popleft()
            if event.due_at > alma.now() or not self._settled(event, alma):
                self._events.append(event)

    def _settled(self, event: _Event, alma: SimulatedAlma) -> bool:
        """Send *event*; False if it is to be sent again, and when."""
        status, _ = self._send(event_request(self.webhook.url, event.body, self._secret))
        if status is not None and status < 500:
            self._counts["delivered" if status < 300 else "refused"] += 1
            return True
        event.failures += 1
        if event.failures > len(_RETRIES):
            self._counts["failed"] += 1
            return True
        event.due_at = alma.now() + _RETRIES[event.failures - 1]
        return False

    def _send(self, request: ListenerRequest) -> tuple[int | None, bytes]:
        """Return status and body of the response; None without one."""
        began = monotonic()
        status, body = None, b""
        try:
            status, body = exchange(request, self._opened, self._patience)
        except NoAnswer as error:
            self._error = str(error)
        finally:
            self._connection = None
        if self._log is not None and not self._ended.is_set():
            target = request.url.partition("?")[0]
            spent = (monotonic() - began) * 1000
            self._log(LoggedRequest(request.method, target, status, spent))
        return status, body

    def _opened(self, connection: socket.socket) -> None:
        self._connection = connection
        if self._ended.is_set():
            self.end()


# Objects of other events, which older Alma showed as null.
_NULLS = ("event", "bib", "holding", "item", "portfolio", "representation")


def challenge_request(url: str, text: str) -> ListenerRequest:
    """Return the request, unsigned, that a listener answers with *text* (alma-api.md 12.2)."""
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, f"challenge={quote(text)}")))
    return ListenerRequest("GET", urlunsplit(parts._replace(query=query)), {"accept": "*/*"})


def is_answer(body: bytes, text: str) -> bool:
    """Whether *body* answers the challenge *text*, as JSON or as it is."""
    try:
        plain = body.decode().strip()
        if plain == text:
            return True
        data = json.loads(plain)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get("challenge") == text


def job_end(alma: SimulatedAlma, institution: str, run: Instance) -> bytes:
    """Return the body of the event (alma-api.md 12.4)."""
    one = alma.institution(institution)
    data: dict[str, Any] = {
        "id": run.id,
        "action": "JOB_END",
        "institution": {"value": one.code, "desc": one.name},
        "time": iso(run.timeline.ended_at),
        "job_instance": alma.instance_object(institution, run),
    }
    if one.switches.nulls == "legacy":
        # Of those years too: a link whose job id is none.
        link = f"/almaws/v1/conf/jobs/M0/instances/{run.id}"
        data |= {**dict.fromkeys(_NULLS), "job_instance": {**data["job_instance"], "link": link}}
    return render("webhook", data, as_json=True)[1]


def event_request(url: str, body: bytes, secret: bytes) -> ListenerRequest:
    """Return the request that brings an event, signed if there is a *secret* (alma-api.md 12.3)."""
    headers = {"content-type": "application/json;charset=UTF-8", "accept": "*/*"}
    if secret:
        digest = hmac.new(secret, body, hashlib.sha256).digest()
        headers["x-exl-signature"] = base64.b64encode(digest).decode()
    return ListenerRequest("POST", url, headers, body)
