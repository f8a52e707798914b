"""What other clients read next to jobs and sets and is not a plain list of objects.

Source: alma-api.md 9.3. Forms that no source confirms are those of the neighbouring lists.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from almaflow.alma.simulator.api_kept import library_of
from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.kept import Kept
from almaflow.alma.simulator.reply import ApiError, EndpointResult
from almaflow.alma.simulator.wire import text_of

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_WEEK = 7
_OPEN, _CLOSED = {"value": "OPEN", "desc": "Open"}, {"value": "CLOSE", "desc": "Closed"}
_HOURS, _RELATIONS = "open-hours", "relations"


def open_days(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/libraries/{code}/open-hours: the coming week, day by day."""
    library_of(call, call.ids[0])
    first = call.now.astimezone(call.institution.zone).date()
    days = [first + timedelta(days=count) for count in range(_WEEK)]
    shown = [
        {
            "date": f"{day:%Y-%m-%d}Z",
            "day_of_week": _weekday(day.isoweekday() % _WEEK),
            "hour": [{"from": "08:00", "to": "20:00"}],
        }
        for day in days
    ]
    return EndpointResult("days", {"day": shown})


def get_open_hours(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/open-hours: the rules from which a calendar is made."""
    return _hours_result(_hours(call))


def update_open_hours(call: IncomingRequest) -> EndpointResult:
    """Answer PUT /conf/open-hours; the rules are replaced. The body may name the scope."""
    body = call.parsed("OpenHours")
    kept = _hours(call, text_of(body.data.get("scope")))
    kept["open_hour"] = [dict(rule) for rule in body.items("open_hour")]
    return _hours_result(kept)


def _hours_result(hours: Kept) -> EndpointResult:
    return EndpointResult(
        "open_hours", {name: value for name, value in hours.items() if value != []}
    )


def delete_open_hours(call: IncomingRequest) -> EndpointResult:
    """Answer DELETE /conf/open-hours."""
    _hours(call)["open_hour"] = []
    return EndpointResult("", status=204, raw=b"")


def get_relations(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/relations: what the library has to do with others."""
    return EndpointResult("relations", _relations(call))


def update_relations(call: IncomingRequest) -> EndpointResult:
    """Answer PUT /conf/relations; what is missing stays."""
    kept = _relations(call)
    kept.update(call.parsed("Relations").data)
    return EndpointResult("relations", kept)


def delete_relations(call: IncomingRequest) -> EndpointResult:
    """Answer DELETE /conf/relations: the relations to one library."""
    if not call.asked("libraryCode"):
        raise ApiError("40166413")
    _relations(call)
    return EndpointResult("", status=204, raw=b"")


def run_workflow(call: IncomingRequest) -> EndpointResult:
    """Answer POST /conf/workflows/{id}: this institution has no such workflow."""
    raise ApiError("450001", f"Workflow not found. {call.ids[0]}")


def _weekday(number: int) -> dict[str, Any]:
    """Return a day as Alma counts them: 1 is Sunday."""
    return {"value": str(number + 1), "desc": _DAYS[number]}


def _scope(call: IncomingRequest, otherwise: str) -> str:
    """Return the code of the library, or of the institution, that is asked for."""
    scope = call.asked("scope") or otherwise
    if scope != call.institution.code:
        library_of(call, scope)
    return scope


def _hours(call: IncomingRequest, scope: str = "") -> Kept:
    # Without a scope, the hours are those of the institution.
    scope = _scope(call, scope or call.institution.code)
    kept = call.institution.kept.setdefault(_HOURS, {})
    rules = [*map(_standard, range(1, 6)), _exception()]
    return kept.setdefault(scope, {"scope": {"value": scope, "desc": scope}, "open_hour": rules})


def _standard(number: int) -> Kept:
    return {
        "type": {"value": "WEEK", "desc": "Standard opening hours"},
        "inherited": False,
        "desc": "Standard opening hours",
        "day_of_week": _weekday(number),
        "from_hour": "08:00",
        "to_hour": "20:00",
        "status": _OPEN,
    }


def _exception() -> Kept:
    return {
        "type": {"value": "EXCEPTION", "desc": "Exception"},
        "inherited": True,
        "desc": "New Year's Eve",
        "from_date": "2026-12-31Z",
        "to_date": "2026-12-31Z",
        "from_hour": "00:00",
        "to_hour": "23:59",
        "status": _CLOSED,
    }


def _relations(call: IncomingRequest) -> Kept:
    if not call.asked("scope"):
        raise ApiError("40166413")
    scope = _scope(call, "")
    return call.institution.kept.setdefault(_RELATIONS, {}).setdefault(scope, {"scope": scope})
