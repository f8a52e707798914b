"""Reads of resources that the simulator does not have: users, bibs, vendors, funds and the like.

A scenario says what they are (`responses`). Where everything exists, they are made up with what
the caller asks of them, and what the simulator's own resources lack is added.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.hints import hint
from almaflow.alma.simulator.institution import Institution
from almaflow.alma.simulator.made_up import values_of
from almaflow.alma.simulator.reply import ApiError, EndpointResult, ErrorEnvelope
from almaflow.alma.simulator.scenario_fields import fits
from almaflow.alma.simulator.scenario_responses import ScenarioResponse
from almaflow.alma.simulator.wanted import WantedRead

_PREFIX = "/almaws/v1"
# "General Error", with which Alma refuses codes of libraries; it may pass.
_LATER = "402119"
_TOTAL = "total_record_count"
_FURNISHED = ("/conf/jobs/", "/conf/sets/")
# Parameters of every list, which do not say which resource is read.
_OF_PAGES = ("limit", "offset")


def answered(
    call: IncomingRequest,
    method: str,
    path: str,
    endpoint: Callable[[IncomingRequest], EndpointResult] | None,
) -> EndpointResult:
    """Return the answer of *endpoint*, or what a scenario or a caller wants there instead.

    Raises:
        ApiError: Alma has nothing there, or refuses it.
    """
    below = unquote(path.removeprefix(_PREFIX)).rstrip("/") or "/"
    if method == "GET" and (told := _response_for(call, below)) is not None:
        return _as_response(call, told)
    wanted = _wanted(call, below) if method == "GET" else None
    try:
        if endpoint is None:
            raise ApiError("NOT_FOUND", status=404, shape=ErrorEnvelope.FRAMEWORK)
        answer = endpoint(call)
    except ApiError as error:
        if wanted is None or not _may_be_made_up(call, below, wanted):
            if method == "GET" and not error.hint:
                error.hint = _advice(call, below, wanted, endpoint)
            if wanted is not None and error.code == _LATER:
                # Its caller would read again until its time is over, and never see the hint.
                raise ApiError("40166411", error.message, hint=error.hint) from error
            raise
        return EndpointResult("response", _page(call, _made_up(call.institution, wanted)))
    if wanted is None or call.institution.wanted is None or answer.raw is not None:
        return answer
    completed = values_of(call.institution).completed(answer.data, wanted.value)
    return EndpointResult(answer.root, completed, answer.status, hint=answer.hint)


def _response_for(call: IncomingRequest, below: str) -> ScenarioResponse | None:
    """Return the first response of the scenario for this read."""
    return next(
        (
            response
            for response in call.institution.scenario.responses
            if response.meant_for(call.institution.name)
            and fits(response.path.rstrip("/") or "/", below)
            and all(
                name in call.query and fits(pattern, call.query[name])
                for name, pattern in response.query.items()
            )
        ),
        None,
    )


def _as_response(call: IncomingRequest, response: ScenarioResponse) -> EndpointResult:
    if response.text is not None:
        kind = "application/xml" if response.text.lstrip().startswith("<") else "text/plain"
        return _raw(response.status, response.text, kind)
    data = {} if response.json_ is None else response.json_
    if isinstance(data, dict) and response.status == 200:
        data = _page(call, data)
    return _raw(response.status, json.dumps(data, ensure_ascii=False), "application/json")


def _raw(status: int, text: str, kind: str) -> EndpointResult:
    content_type = f"{kind};charset=UTF-8"
    return EndpointResult("", status=status, raw=text.encode(), content_type=content_type)


def _wanted(call: IncomingRequest, below: str) -> WantedRead | None:
    """Return the read that a caller wants and that this request is."""
    return next(
        (
            read
            for read in call.institution.wants.reads
            if fits(read.path, below) and _fits_query(read, call.query)
        ),
        None,
    )


def _fits_query(read: WantedRead, query: Mapping[str, str]) -> bool:
    patterns = {name: pattern for name, pattern in read.query if name not in _OF_PAGES}
    given = {name: value for name, value in query.items() if name not in _OF_PAGES}
    return set(patterns) == set(given) and all(
        fits(pattern, given[name]) for name, pattern in patterns.items() if pattern
    )


def _made_up(institution: Institution, wanted: WantedRead) -> dict[str, Any]:
    made = values_of(institution).value(wanted.value)
    if not isinstance(made, dict):
        made = {}
    if wanted.joined and not any(isinstance(value, list) for value in made.values()):
        made.setdefault(_TOTAL, 0)
    return made


def _may_be_made_up(call: IncomingRequest, below: str, wanted: WantedRead) -> bool:
    """Tell whether the caller gets something although the simulator refuses.

    Of jobs and sets, which are made up automatically, only what the caller names literally.
    """
    if call.institution.wanted is None:
        return False
    if not below.startswith(_FURNISHED):
        return True
    return wanted.path == below and not call.institution.gone.intersection(call.ids)


def _page(call: IncomingRequest, data: dict[str, Any]) -> dict[str, Any]:
    """Return one page of *data* when it is a mapping with one list, else all of it."""
    lists = [name for name, value in data.items() if isinstance(value, list)]
    if len(lists) != 1:
        return data
    entries = data[lists[0]]
    offset, limit = call.page()
    # Without `limit`, these short lists are given whole.
    page = entries[offset : offset + limit] if call.asked("limit") else entries[offset:]
    shown = {name: value for name, value in data.items() if name != lists[0]}
    # As in Alma, the list's key is absent when nothing is in it.
    listed = {lists[0]: page} if page else {}
    return {**shown, **listed, _TOTAL: data.get(_TOTAL, len(entries))}


def _advice(
    call: IncomingRequest,
    below: str,
    wanted: WantedRead | None,
    endpoint: Callable[[IncomingRequest], EndpointResult] | None,
) -> str:
    """Return a hint for a read that a caller wants, or of a resource that nothing here has."""
    if wanted is None and endpoint is not None:
        return ""
    made = {} if wanted is None else _made_up(call.institution, wanted)
    return hint("responses", path=below, json=made)
