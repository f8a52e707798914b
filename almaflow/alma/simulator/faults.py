"""Which of a scenario's faults a request meets, and the answers of those that break it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from functools import partial

from almaflow.alma.simulator.reply import ApiError, ErrorEnvelope, Reply, WireFault
from almaflow.alma.simulator.scenario import Fault, FaultKind
from almaflow.alma.simulator.scenario_fields import fits
from almaflow.alma.simulator.texts import error_text

# Faults under which Alma does the work all the same, unless the scenario says otherwise.
_PROCESSED = {
    FaultKind.LOSE_ANSWER,
    FaultKind.HANG,
    FaultKind.ROUTING_ERROR,
    FaultKind.TRUNCATED,
    FaultKind.EMPTY,
    FaultKind.DRIP,
    FaultKind.SLOW,
    FaultKind.UNKNOWN_STATUS_CODE,
    FaultKind.GARBAGE,
    FaultKind.NAN,
    FaultKind.NESTED,
    FaultKind.CLOSE,
    FaultKind.LATE_COUNT,
    FaultKind.RESET_AFTER,
}
_WIRE = {
    FaultKind.RESET: WireFault.RESET_BEFORE,
    FaultKind.LOSE_ANSWER: WireFault.DROP_AFTER,
    FaultKind.HANG: WireFault.HANG,
    FaultKind.TRUNCATED: WireFault.TRUNCATE,
    FaultKind.DRIP: WireFault.DRIP,
    FaultKind.CLOSE: WireFault.CLOSE,
    FaultKind.RESET_AFTER: WireFault.RESET_AFTER,
}
_MEMBER_CALLS = ("add_members", "delete_members", "replace_members")
_HTML = {"content-type": "text/html;charset=UTF-8"}
# Statuses that a proxy in front of Alma answers itself, with a page.
_PAGES = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}
# Seconds that a body takes drop by drop, when the scenario does not say.
_DRIP_SECONDS = 30.0

RenderError = Callable[[ApiError], Reply]


class Faults:
    """The faults of a scenario, and how often each has been met."""

    def __init__(self, faults: Sequence[Fault], started_at: datetime, zone: tzinfo) -> None:
        self._started_at = started_at
        self._zone = zone
        self._lock = threading.Lock()
        self._met: list[tuple[Fault, int]] = [(fault, 0) for fault in faults]

    def add(self, fault: Fault) -> None:
        """Let one more thing go wrong from now on; its `nth` counts from here."""
        with self._lock:
            self._met.append((fault, 0))

    def replace(self, faults: Sequence[Fault]) -> None:
        """Let *faults* go wrong from now on, and no others."""
        with self._lock:
            self._met = [(fault, 0) for fault in faults]

    def listed(self) -> list[tuple[Fault, int]]:
        """Return each fault with the number of requests that it could strike."""
        with self._lock:
            return list(self._met)

    def meet(
        self, institution: str, calls: Sequence[str], target: str, now: datetime
    ) -> Fault | None:
        """Return the first fault that strikes a request.

        *calls* are the names that fit the request, such as `submit`, `write`, `any`. Every
        fault counts the requests that it could strike, whether or not another one does.
        """
        struck = None
        with self._lock:
            for index, (fault, count) in enumerate(self._met):
                if not self._concerns(fault, institution, calls, target, now):
                    continue
                self._met[index] = (fault, count + 1)
                if struck is None and (fault.nth is None or count + 1 in fault.nth):
                    struck = fault
        return struck

    def _concerns(
        self, fault: Fault, institution: str, calls: Sequence[str], target: str, now: datetime
    ) -> bool:
        if fault.call not in calls or not fault.meant_for(institution):
            return False
        if fault.path is not None and not fits(fault.path, target):
            return False
        begin = self._started_at
        if fault.from_ is not None and fault.for_ is None:
            begin = fault.from_.first(self._started_at, self._zone)
        elif fault.from_ is not None:
            begin = fault.from_.latest(now, self._started_at, self._zone)
        return now >= begin and (fault.for_ is None or now < begin + fault.for_)


def call_names(endpoint: str, method: str, operation: str) -> tuple[str, ...]:
    """Return the names that a fault's `call` may give to a request."""
    access = "read" if method == "GET" else "write"
    if endpoint == "edit_members" and operation in _MEMBER_CALLS:
        return (endpoint, operation, access, "any")
    return (endpoint, access, "any")


def is_processed(fault: Fault) -> bool:
    """Tell whether Alma does what it was asked, in spite of *fault*."""
    return fault.kind in _PROCESSED if fault.processed is None else fault.processed


def broken(fault: Fault, good: Reply | None, refuse: RenderError) -> Reply:
    """Return what the caller gets to see.

    *good* is the answer to a processed request, None when it was not processed; *refuse*
    renders an error the way the request asked for.
    """
    delay = fault.delay.total_seconds() if fault.delay else 0.0
    if fault.kind in _WIRE:
        if fault.kind is FaultKind.DRIP:
            delay = delay or _DRIP_SECONDS
        base = good or Reply(500, {}, b"")
        return replace(base, fault=_WIRE[fault.kind], delay=delay)
    if fault.kind is FaultKind.LATE_COUNT:
        return good or _status(fault, refuse)
    if fault.kind in (FaultKind.SLOW, FaultKind.UNKNOWN_STATUS_CODE):
        return replace(good, delay=delay) if good else _status(fault, refuse)
    made = _MADE_UP.get(fault.kind, _status)(fault, refuse)
    return made if fault.kind is FaultKind.ROUTING_ERROR else replace(made, delay=delay)


def _status(fault: Fault, refuse: RenderError) -> Reply:
    status = fault.status or 500
    if fault.code is None and status in _PAGES:
        return _page(status, _PAGES[status], refuse)
    default = "PER_SECOND_THRESHOLD" if status == 429 else "INTERNAL_SERVER_ERROR"
    code = fault.code or default
    shape = ErrorEnvelope.APPLICATION if code.isdecimal() else ErrorEnvelope.GATEWAY
    return refuse(ApiError(code, fault.message or error_text(code), status=status, shape=shape))


def _routing_error(fault: Fault, refuse: RenderError) -> Reply:
    return refuse(
        ApiError(
            "ROUTING_ERROR",
            fault.message or "",
            status=fault.status or 500,
            shape=ErrorEnvelope.GATEWAY,
        )
    )


def _html(fault: Fault, refuse: RenderError) -> Reply:
    status = fault.status or 200
    title = "HTTP Status 401 – Unauthorized" if status == 401 else "Alma is being maintained"
    return _page(status, fault.message or title, refuse)


def _page(status: int, title: str, refuse: RenderError) -> Reply:
    base = refuse(ApiError("INTERNAL_SERVER_ERROR", status=status))
    body = (
        f"<!doctype html><html><head><title>{title}</title></head>"
        f"<body><h1>{title}</h1></body></html>"
    )
    # A proxy's page knows nothing of Alma's own headers.
    headers = {name: base.headers[name] for name in ("date", "server")}
    return replace(base, headers={**headers, **_HTML}, body=body.encode())


def _raw(fault: Fault, refuse: RenderError, body: bytes) -> Reply:
    return replace(refuse(ApiError("402119", status=fault.status or 200)), body=body)


def _json(fault: Fault, refuse: RenderError, body: bytes) -> Reply:
    raw = _raw(fault, refuse, body)
    return replace(raw, headers={**raw.headers, "content-type": "application/json;charset=UTF-8"})


def _error_list(fault: Fault, refuse: RenderError) -> Reply:
    code = fault.code or "402119"
    return refuse(ApiError(code, fault.message or "", status=fault.status or 200))


_MADE_UP: dict[FaultKind, Callable[[Fault, RenderError], Reply]] = {
    FaultKind.ROUTING_ERROR: _routing_error,
    FaultKind.HTML: _html,
    FaultKind.GARBAGE: partial(_raw, body=b'\x00{"job": [<job>\xff\xfe'),
    FaultKind.NAN: partial(_json, body=b'{"id": NaN, "total_record_count": Infinity}'),
    FaultKind.NESTED: partial(_json, body=b'{"id":' * 5000 + b"1" + b"}" * 5000),
    FaultKind.EMPTY: partial(_raw, body=b""),
    FaultKind.ERROR_LIST_IN_200: _error_list,
}
