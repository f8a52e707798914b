"""Members of itemized sets: T7 with its three operations (alma-api.md 7.5)."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from almaflow.alma.simulator import advice
from almaflow.alma.simulator.alma_sets import AlmaSet
from almaflow.alma.simulator.api_sets import find_set
from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.made_up import suit_id_type
from almaflow.alma.simulator.records import Members, id_types, is_title
from almaflow.alma.simulator.reply import ApiError, EndpointResult
from almaflow.alma.simulator.scenario import FaultKind
from almaflow.alma.simulator.shapes import set_shape
from almaflow.alma.simulator.wire import RequestBody, text_of

# Ids in one call.
_MOST = 1000
_OPERATIONS = ("add_members", "delete_members", "replace_members")


def edit_members(call: IncomingRequest) -> EndpointResult:
    """Answer POST /conf/sets/{set_id}?op=… (T7); a call does all that it says, or nothing."""
    operation = call.query.get("op", "")
    alma_set = find_set(call, call.ids[0])
    if operation not in _OPERATIONS:
        raise ApiError("60111")
    suit_id_type(call.institution, alma_set, call.asked("id_type"))
    if alma_set.type != "ITEMIZED":
        raise ApiError("60112")
    fault = call.fault
    if fault is not None and fault.kind is FaultKind.ROUTING_ERROR and fault.delay:
        call.institution.later(call.now + fault.delay, lambda: _edit_late(call, operation))
    else:
        _edit(call, alma_set, operation)
    return EndpointResult("set", set_shape(call, alma_set))


def _edit(call: IncomingRequest, alma_set: AlmaSet, operation: str) -> None:
    requested = call.parsed("Set").part("members")
    members, before = alma_set.members, alma_set.count(call.now)
    if operation == "delete_members":
        members.discard(_members_to_delete(call, alma_set.content, requested, members))
    elif operation == "replace_members":
        alma_set.members = Members(members_to_add(call, alma_set.content, requested, Members()))
    else:
        members.add(members_to_add(call, alma_set.content, requested, members))
    alma_set.filled_from = None
    if lag := _count_lag(call):
        alma_set.earlier_counts.append((call.now + lag, before))


def _count_lag(call: IncomingRequest) -> timedelta | None:
    """Return how long the number of members shows what was before; None: not at all."""
    fault = call.fault
    if fault is not None and fault.kind is FaultKind.LATE_COUNT:
        return fault.delay
    return call.institution.switches.count_lag


def _edit_late(call: IncomingRequest, operation: str) -> None:
    """Do what the gateway gave up waiting for; nobody hears of an error any more."""
    with suppress(ApiError):
        _edit(call, find_set(call, call.ids[0]), operation)


def members_to_add(
    call: IncomingRequest, content: str, requested: RequestBody, present: Members
) -> list[str]:
    """Return the record ids that the call names.

    Raises:
        ApiError: too many, none, repeated, unknown or present ones. By the switch
            `partial_adds` the good ones are in *present* all the same.
    """
    named = _named(call, content, requested)
    id_type = call.asked("id_type")
    member_ids = [call.institution.records.find(content, id_type, text) for text in named]
    good = [record_id for record_id in member_ids if record_id is not None]
    if None in member_ids and not _may_skip(call, content):
        if call.institution.switches.partial_adds:
            present.add(good)
        refused = [text for text, one in zip(named, member_ids, strict=True) if one is None]
        line = advice.members(call.institution, refused)
        raise ApiError("60120" if id_type else "60116", hint=line)
    if any(record_id in present for record_id in good):
        if call.institution.switches.partial_adds:
            present.add(good)
        raise ApiError("60176" if id_type else "60115")
    if len(set(good)) < len(good):
        raise ApiError("60119")
    return good


def _members_to_delete(
    call: IncomingRequest, content: str, requested: RequestBody, present: Members
) -> list[str]:
    id_type, records = call.asked("id_type"), call.institution.records
    member_ids = []
    for text in _named(call, content, requested):
        # A record that is gone may still be taken out by its own id.
        record_id = records.find(content, id_type, text) or text
        if record_id in present:
            member_ids.append(record_id)
        elif call.institution.wanted is None and not _may_skip(call, content):
            raise ApiError("60117")
    return member_ids


def _named(call: IncomingRequest, content: str, requested: RequestBody) -> list[str]:
    id_type = call.asked("id_type")
    if id_type and id_type not in id_types(content):
        raise ApiError("40166410", "Invalid parameter identifier type.")
    items = requested.items("member")
    if not items:
        raise ApiError("60113")
    if len(items) > _MOST:
        raise ApiError("60118")
    named = [text_of(item.get("id")).strip() for item in items]
    if not all(named):
        raise ApiError("60114")
    if len(set(named)) < len(named):
        raise ApiError("60119")
    return named


def _may_skip(call: IncomingRequest, content: str) -> bool:
    """Tell whether unknown ids are passed over: asked for, and for these contents only."""
    wanted = call.query.get("fail_on_invalid_id", "true").lower() == "false"
    return wanted and (is_title(content) or content in ("ITEM", "USER"))
