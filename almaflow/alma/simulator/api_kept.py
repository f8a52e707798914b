"""Listing, reading, making, changing and deleting what an institution keeps (alma-api.md 9.3)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.institution import MOST_KEPT
from almaflow.alma.simulator.kept import (
    DESKS,
    LIBRARIES,
    LOCATIONS,
    Kept,
    Kind,
    add_department,
    add_desk,
    add_library,
    add_location,
)
from almaflow.alma.simulator.reply import ApiError, EndpointResult
from almaflow.alma.simulator.wire import RequestBody, text_of

# What every object is shown with, and no caller decides.
_OWN = ("link",)


# What a library has as soon as a caller asks for it, where everything exists.
_MADE_UP = {LOCATIONS.path: add_location, DESKS.path: add_desk}


def list_kept(kind: Kind, call: IncomingRequest) -> EndpointResult:
    """Answer GET of a list; without `limit` these short lists are given whole."""
    found = [one for one in _all(kind, call).values() if _is_asked_for(kind, call, one)]
    offset, limit = call.page()
    page = found[offset : offset + limit] if call.asked("limit") else found[offset:]
    shapes = [_rendered(kind, call, one, whole=False) for one in page]
    return EndpointResult(kind.plural, call.list_of(kind.name, shapes, len(found)))


def get_kept(kind: Kind, call: IncomingRequest) -> EndpointResult:
    """Answer GET of one object."""
    return EndpointResult(kind.name, _rendered(kind, call, _one(kind, call)))


def create_kept(kind: Kind, call: IncomingRequest) -> EndpointResult:
    """Answer POST of a new object."""
    fields = _fields(kind, call)
    for name, code in kind.needed.items():
        if not text_of(_inside(fields, name)):
            raise ApiError(code)
    objects = _all(kind, call)
    if len(objects) >= MOST_KEPT:
        raise ApiError("402119", f"General Error - there are {MOST_KEPT} of them, the most.")
    if kind.key == "id":
        fields["id"] = call.institution.new_id()
    made = {**kind.made, **fields, **(_signature(call) if kind.signed else {})}
    if made[kind.key] in objects:
        raise ApiError("402119")
    objects[made[kind.key]] = made
    return EndpointResult(kind.name, _rendered(kind, call, made))


def update_kept(kind: Kind, call: IncomingRequest) -> EndpointResult:
    """Answer PUT of an object; what is missing stays."""
    kept = _one(kind, call)
    fields = _fields(kind, call)
    kept.update({name: value for name, value in fields.items() if name != kind.key})
    return EndpointResult(kind.name, _rendered(kind, call, kept))


def delete_kept(kind: Kind, call: IncomingRequest) -> EndpointResult:
    """Answer DELETE of an object."""
    kept = _one(kind, call)
    del _all(kind, call)[kept[kind.key]]
    return EndpointResult("", status=204, raw=b"")


def library_of(call: IncomingRequest, code: str) -> Kept:
    """Return a library; where everything exists, it is made."""
    store = call.institution.kept
    libraries = store[LIBRARIES.path]
    if code and code not in libraries and call.institution.wanted is not None:
        add_library(store, call.institution.code, code, code, {"STACKS": "Open stacks"})
        add_desk(store, code, "DEFAULT_CIRC_DESK", "Circulation desk")
        add_department(store, code, f"AcqDept{code}", "Acquisitions", "AcqWorkOrder")
    if code not in libraries:
        raise ApiError("402119")
    return libraries[code]


def _all(kind: Kind, call: IncomingRequest) -> dict[str, Kept]:
    if "{}" in kind.path:
        library_of(call, call.ids[0])
    return call.institution.kept.setdefault(_path(kind, call), {})


def _one(kind: Kind, call: IncomingRequest) -> Kept:
    key = call.ids[-1]
    if kind is LIBRARIES:
        return library_of(call, key)
    objects = _all(kind, call)
    if key not in objects and call.institution.wanted is not None and kind.path in _MADE_UP:
        _MADE_UP[kind.path](call.institution.kept, call.ids[0], key, key)
    kept = objects.get(key)
    if kept is None:
        raise ApiError(kind.missing)
    return kept


def _path(kind: Kind, call: IncomingRequest) -> str:
    return kind.path.format(*call.ids[:1])


def _is_asked_for(kind: Kind, call: IncomingRequest, one: Kept) -> bool:
    return all(
        call.asked(parameter) in ("", text_of(_inside(one, name)))
        for parameter, name in kind.filters.items()
    )


def _inside(value: Any, name: str) -> Any:
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _rendered(
    kind: Kind, call: IncomingRequest, one: Kept, *, whole: bool = True
) -> dict[str, Any]:
    link = call.link(f"/conf/{_path(kind, call)}/{quote(str(one[kind.key]), safe='')}")
    # Lists of tables have the heads only.
    return {**{n: v for n, v in one.items() if whole or n != "row"}, "link": link}


def _signature(call: IncomingRequest) -> dict[str, Any]:
    maker = {"value": "exl_api", "desc": "API, Ex Libris"}
    return {"created_by": maker, "created_date": f"{call.now:%Y-%m-%d}Z"}


def _fields(kind: Kind, call: IncomingRequest) -> dict[str, Any]:
    """Return the fields of a request's body in the form that JSON has; XML has text only."""
    body: RequestBody = call.parsed(kind.name)
    fields = {name: value for name, value in body.data.items() if name not in _OWN}
    if not body.is_json:
        for name in kind.coded:
            if isinstance(fields.get(name), str):
                fields[name] = {"value": fields[name]}
    if kind.key in fields:
        fields[kind.key] = body.text(kind.key)
    return fields
