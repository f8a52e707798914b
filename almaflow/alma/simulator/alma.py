"""The simulated Alma: the gateway in front of the institutions, one request at a time."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

from almaflow.alma.simulator.addresses import address_seen
from almaflow.alma.simulator.call import IncomingRequest, http_date
from almaflow.alma.simulator.effects import report
from almaflow.alma.simulator.faults import Faults, broken, call_names, is_processed
from almaflow.alma.simulator.furnish import furnish
from almaflow.alma.simulator.institution import Institution, Submission
from almaflow.alma.simulator.keys import EVERYTHING, ApiKey, key_text
from almaflow.alma.simulator.reads import answered
from almaflow.alma.simulator.received import LastRequests, Received
from almaflow.alma.simulator.reply import ApiError, EndpointResult, ErrorEnvelope, Reply
from almaflow.alma.simulator.router import Route, find_route, split_target
from almaflow.alma.simulator.runs import Instance
from almaflow.alma.simulator.scenario import Fault, FaultKind, Scenario
from almaflow.alma.simulator.shapes import instance_shape
from almaflow.alma.simulator.submission import start_another
from almaflow.alma.simulator.wanted import Wanted
from almaflow.alma.simulator.wire import render, render_error, wants_json

# Characters of a target that are remembered when its key or its path is not known.
_UNKNOWN_TARGET = 1000
# Faults that a request's endpoint has to know of.
_TOLD = (FaultKind.ROUTING_ERROR, FaultKind.UNKNOWN_STATUS_CODE, FaultKind.LATE_COUNT)


@dataclass(frozen=True)
class _Request:
    """A request on its way through the gateway."""

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    link_base: str
    now: datetime
    as_json: bool
    key: ApiKey | None
    route: Route | None


class SimulatedAlma:
    """An Alma in memory. *now* returns aware instants; it alone says how late it is.

    Safe to be used by several threads. The same *seed*, scenario and requests give the same
    answers.
    """

    def __init__(
        self, now: Callable[[], datetime], scenario: Scenario | None = None, seed: int = 0
    ) -> None:
        self._clock = now
        self._scenario = scenario or Scenario()
        self._seed = seed
        # What callers want of institutions that are added from now on.
        self.wants = Wanted()
        self._rng = random.Random(seed)
        self._lock = threading.RLock()
        self._institutions: dict[str, Institution] = {}
        self._suffixes: set[str] = set()
        self._keys: dict[str, ApiKey] = {}
        self._started_at = self.now()
        zone = ZoneInfo(self._scenario.alma.timezone)
        self.faults = Faults(self._scenario.faults, self._started_at, zone)
        self._received = LastRequests()
        self.link_base = self._scenario.alma.base_url.rstrip("/")
        """What links begin with."""
        self.links_follow_client = False
        """Whether they begin with the address that a request's headers name instead."""
        self.quota_clock: Callable[[], datetime] | None = None
        """The clock of the quotas, if it is not the simulated one."""

    def now(self) -> datetime:
        """Return the simulated time, in UTC."""
        # Arithmetic in a local zone would go by its wall clock, not by elapsed time.
        return self._clock().astimezone(UTC)

    def _quota_now(self, now: datetime) -> datetime:
        return now if self.quota_clock is None else self.quota_clock()

    @property
    def scenario(self) -> Scenario:
        return self._scenario

    def add_institution(
        self,
        name: str,
        *,
        code: str | None = None,
        environment: str = "production",
        key: str | None = None,
    ) -> str:
        """Let an institution exist, with its library, and return an API key for it.

        One that exists already stays as it is and has one more key.
        """
        with self._lock:
            if name not in self._institutions:
                self._institutions[name] = self._found(name, code, environment)
        return self.add_key(name, key=key)

    def _found(self, name: str, code: str | None, environment: str) -> Institution:
        suffix = 1000 + crc32(name.encode()) % 9000
        while str(suffix) in self._suffixes:
            # Alma's suffixes have four digits; there are more only for the 9,001st institution.
            full = len(self._suffixes) >= 9000
            suffix = suffix + 9000 if full else 1000 + (suffix - 999) % 9000
        self._suffixes.add(str(suffix))
        institution = Institution(
            name,
            code=code or f"01{''.join(filter(str.isalnum, name)).upper()}_INST",
            suffix=str(suffix),
            environment=environment,
            scenario=self._scenario,
            seed=self._seed,
            started_at=self._started_at,
            report=report,
            wants=self.wants,
        )
        furnish(institution)
        return institution

    def add_key(
        self, institution: str, *, rights: Mapping[str, bool] = EVERYTHING, key: str | None = None
    ) -> str:
        """Return one more key of an institution; *rights* are those of `keys.Key`."""
        with self._lock:
            text = key or f"l8xx{self._rng.getrandbits(128):032x}"
            self._keys[text] = ApiKey(institution, rights)
            return text

    def add_fault(self, fault: Fault) -> None:
        """Let one more thing go wrong from now on."""
        with self._lock:
            self.faults.add(fault)

    def names(self) -> list[str]:
        """Return the names of the institutions."""
        return list(self._institutions)

    def runs_from(self, institution: str, number: int) -> list[Instance]:
        """Return all runs of an institution but the first *number*, as they came to be known."""
        with self._lock:
            return list(islice(self.institution(institution).instances.values(), number, None))

    def instance_object(self, institution: str, run: Instance) -> dict[str, Any]:
        """Return a run as Alma shows it outside of responses: links are relative."""
        with self._lock:
            call = IncomingRequest(self._institutions[institution], self.now(), (), {}, {}, b"")
            return instance_shape(call, run)

    # --- truth, for tests and reports -------------------------------------------------------------

    def institution(self, name: str) -> Institution:
        """Return an institution's state as it is by now."""
        with self._lock:
            found = self._institutions[name]
            found.settle(self.now())
            return found

    def submissions(self, institution: str | None = None) -> list[Submission]:
        """Return the runs that callers of the API have started, in order."""
        with self._lock:
            found = [made for one in self._institutions.values() for made in one.submissions]
        found.sort(key=lambda submission: submission.at)
        return [made for made in found if institution in (None, made.institution)]

    def instances(
        self, job_id: str | None = None, institution: str | None = None
    ) -> list[Instance]:
        """Return runs, oldest first, also those that callers of the API did not start."""
        with self._lock:
            for one in self._institutions.values():
                one.settle(self.now())
            found = [
                run
                for name, one in self._institutions.items()
                if institution in (None, name)
                for run in one.instances.values()
                if job_id in (None, run.job.id)
            ]
        return sorted(found, key=lambda run: run.submitted_at)

    def sets(self, institution: str | None = None) -> dict[str, int]:
        """Return the sets' names with how many members each has by now."""
        with self._lock:
            now = self.now()
            for one in self._institutions.values():
                one.settle(now)
            return {
                alma_set.name: alma_set.count(now)
                for name, one in self._institutions.items()
                if institution in (None, name)
                for alma_set in one.sets.values()
            }

    def received(self, call: str | None = None) -> list[Received]:
        """Return the last requests (at most 10,000 and 64 MiB), those named *call* or all.

        The body and the end of a long target are missing if the key or the path was not known.
        """
        with self._lock:
            return [request for request in self._received if call in (None, request.call)]

    # --- the gateway ------------------------------------------------------------------------------

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request; *target* is path and query, `/almaws/v1/conf/jobs?limit=10`.

        Never raises for bad input, never sleeps: what should take time says so in the reply.
        """
        with self._lock:
            request = self._read(method, target, headers, body)
            reply, processed = self._answer(request)
            self._remember(request, reply, processed)
        latency = self._scenario.alma.latency
        if latency is not None:
            reply = replace(reply, delay=reply.delay + latency.total_seconds())
        return reply

    def _read(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> _Request:
        path, query = split_target(target)
        lower = {name.lower(): value for name, value in headers.items()}
        return _Request(
            method=method.upper(),
            target=target,
            path=path,
            query=query,
            headers=lower,
            body=body,
            link_base=(
                address_seen(lower, self.link_base) if self.links_follow_client else self.link_base
            ),
            now=self.now(),
            as_json=wants_json(query, lower),
            key=self._keys.get(key_text(lower, query)),
            route=find_route(method.upper(), path),
        )

    def _answer(self, request: _Request) -> tuple[Reply, bool]:
        """Return the reply and whether the request was processed."""
        fault = self._fault_for(request)
        if fault is None:
            return self._good(request, None), True
        if fault.another_run and request.key and request.route and request.route.name == "submit":
            institution = self._institutions[request.key.institution]
            start_another(self._call(request, request.route, institution, None))
        processed = is_processed(fault)
        good = self._good(request, fault) if processed else None

        def refuse(error: ApiError) -> Reply:
            return self._refuse(request, error)

        return broken(fault, good, refuse), processed

    def _fault_for(self, request: _Request) -> Fault | None:
        institution = request.key.institution if request.key else ""
        endpoint = request.route.name if request.route else ""
        names = call_names(endpoint, request.method, request.query.get("op", ""))
        return self.faults.meet(institution, names, request.target, request.now)

    def _good(self, request: _Request, fault: Fault | None) -> Reply:
        try:
            return self._process(request, fault)
        except ApiError as error:
            return self._refuse(request, error)

    def _process(self, request: _Request, fault: Fault | None) -> Reply:
        key, route = request.key, request.route
        if key is None:
            raise _unauthorized()
        institution = self._institutions[key.institution]
        institution.settle(request.now)
        institution.quota.take(self._quota_now(request.now))
        if route is not None and not key.allows(route.area, request.method):
            raise _unauthorized()
        call = self._call(request, route, institution, fault)
        endpoint = route.endpoint if route else None
        return self._render(request, answered(call, request.method, request.path, endpoint))

    def _call(
        self, request: _Request, route: Route | None, institution: Institution, fault: Fault | None
    ) -> IncomingRequest:
        return IncomingRequest(
            institution=institution,
            now=request.now,
            ids=route.ids if route else (),
            query=request.query,
            headers=request.headers,
            body=request.body,
            link_base=request.link_base,
            fault=fault if fault is not None and fault.kind in _TOLD else None,
        )

    def _render(self, request: _Request, answer: EndpointResult) -> Reply:
        if answer.raw is None:
            content_type, body = render(answer.root, answer.data, request.as_json)
        else:
            content_type, body = answer.content_type, answer.raw
        return Reply(
            answer.status, self._headers(request, content_type if body else "", answer.hint), body
        )

    def _refuse(self, request: _Request, error: ApiError) -> Reply:
        if error.code == "UNAUTHORIZED" and error.shape is ErrorEnvelope.GATEWAY:
            habit = self._scenario.alma.auth_failure
            if habit == "plain_text":
                headers = self._headers(request, "text/plain", "")
                return Reply(403, headers, b"Invalid API Key")
            if habit == "forbidden":
                error = ApiError("INVALID_REQUEST", status=403, shape=ErrorEnvelope.GATEWAY)
        tracking = self._tracking_id(request.now)
        legacy = self._scenario.alma.nulls == "legacy"
        content_type, body = render_error(error, tracking, request.as_json, legacy)
        return Reply(error.status, self._headers(request, content_type, error.hint), body)

    def _headers(self, request: _Request, content_type: str, hint: str) -> dict[str, str]:
        headers = {
            "date": http_date(request.now),
            "server": "Layer7-API-Gateway",
            "x-request-id": f"{self._rng.getrandbits(64):016x}",
        }
        if content_type:
            headers["content-type"] = content_type
        if request.key is not None:
            quota = self._institutions[request.key.institution].quota
            headers["x-exl-api-remaining"] = str(quota.remaining(self._quota_now(request.now)))
        if hint:
            headers["x-simulator-hint"] = hint
        return headers

    def _tracking_id(self, now: datetime) -> str:
        letters = "".join(self._rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=5))
        return f"E01-{now:%d%m%H%M%S}-{letters}-AWAE{self._rng.randrange(10**10):010d}"

    def _remember(self, request: _Request, reply: Reply, processed: bool) -> None:
        # Of a request that a stranger can send, nothing large is remembered.
        known = request.key is not None and request.route is not None
        self._received.add(
            Received(
                at=request.now,
                institution=request.key.institution if request.key else "",
                call=request.route.name if request.route else "",
                method=request.method,
                target=request.target if known else request.target[:_UNKNOWN_TARGET],
                body=request.body if known else b"",
                status=reply.status,
                processed=processed,
            )
        )


def _unauthorized() -> ApiError:
    return ApiError("UNAUTHORIZED", shape=ErrorEnvelope.GATEWAY)
