"""The endpoints of sets as wholes: T1, T3 to T6 of alma-api.md 7; making them is elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from almaflow.alma.simulator import advice, texts
from almaflow.alma.simulator.alma_sets import AlmaSet
from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.made_up import named_set, set_with_id
from almaflow.alma.simulator.queries import check_query
from almaflow.alma.simulator.reply import ApiError, EndpointResult
from almaflow.alma.simulator.shapes import set_shape

# Contents whose members come with a separate link, and where it leads.
_MEMBER_PATHS = {
    "ITEM": "/bibs/{title}/holdings/{holding}/items/{id}",
    "HOLDING": "/bibs/{title}/holdings/{id}",
    "USER": "/users/{id}",
    "PO_LINE": "/acq/po-lines/{id}",
    "VENDOR": "/acq/vendors/{id}",
    **dict.fromkeys(("BIB_MMS", "IE", "IEP", "IEE", "IED"), "/bibs/{id}"),
}


def find_set(call: IncomingRequest, set_id: str, error: ApiError | None = None) -> AlmaSet:
    """Return the set of that id; *error* is what to refuse an unknown one with."""
    alma_set = set_with_id(call.institution, set_id)
    if alma_set is None or not alma_set.visible(call.now):
        error = error or ApiError("60107", f"Set not found: Set ID {set_id}")
        error.hint = advice.set_with_id(call.institution, set_id)
        raise error
    return alma_set


def words_match(words: str, text: str) -> bool:
    """Tell whether every word is in *text*; `_` means a space, case does not count."""
    searched = text.replace("_", " ").lower()
    return all(word in searched for word in words.replace("_", " ").lower().split())


def list_sets(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/sets (T1)."""
    content, kind = call.asked("content_type"), call.asked("set_type")
    if (content and content not in texts.SET_CONTENTS) or (kind and kind not in texts.SET_TYPES):
        raise ApiError("40166410")
    origin = call.asked("set_origin") or "UI"
    field, words = _search(call.asked("q"))
    if field == "name":
        named_set(call.institution, words)
    found = [
        alma_set
        for alma_set in call.institution.sets.values()
        if alma_set.visible(call.now)
        and content in ("", alma_set.content)
        and kind in ("", alma_set.type)
        and alma_set.origin == origin
        and words_match(words, alma_set.created_by if field == "created_by" else alma_set.name)
    ]
    found.sort(
        key=lambda alma_set: alma_set.created_at, reverse=call.institution.switches.newest_first
    )
    offset, limit = call.page()
    page = [set_shape(call, alma_set, listed=True) for alma_set in found[offset : offset + limit]]
    line = _name_advice(call, words if field == "name" else "", found)
    return EndpointResult("sets", call.list_of("set", page, len(found)), hint=line)


def _search(query: str) -> tuple[str, str]:
    field, tilde, words = query.partition("~")
    if query and (not tilde or field not in ("name", "created_by")):
        raise ApiError("60106")
    return field, words


def _name_advice(call: IncomingRequest, words: str, found: Iterable[AlmaSet]) -> str:
    """Return a hint when a search by name has found no set of exactly that name."""
    wanted = words.replace("_", " ")
    if not wanted or any(item.name.replace("_", " ") == wanted for item in found):
        return ""
    # The search does not tell `_` from a space; what callers want may.
    sets = call.institution.wants.sets
    name = next((one for one in sets if one.replace("_", " ") == wanted), wanted)
    return advice.set_named(call.institution, name)


def get_set(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/sets/{set_id} (T3)."""
    return EndpointResult("set", set_shape(call, find_set(call, call.ids[0])))


def update_set(call: IncomingRequest) -> EndpointResult:
    """Answer PUT /conf/sets/{set_id} (T4): name, description, private, status, note, query."""
    institution = call.institution
    alma_set = find_set(call, call.ids[0])
    body = call.parsed("Set")
    if not body.data:
        raise ApiError("402261")
    name = body.text("name")
    if not name:
        raise ApiError("402228")
    namesake = institution.set_named(name)
    if namesake not in (None, alma_set):
        raise ApiError("402263")
    private, status = flags(body.coded("private"), body.coded("status"), alma_set)
    query = body.coded("query")
    if query and not alma_set.query:
        raise ApiError("40166408")
    if query and query != alma_set.query:
        check_query(query, alma_set.content)
        alma_set.members = institution.logical_members(name, alma_set.content, query)
        alma_set.query = query
    if status != alma_set.status:
        alma_set.status_at = call.now
    alma_set.name, alma_set.private, alma_set.status = name, private, status
    alma_set.description, alma_set.note = body.text("description"), body.text("note")
    return EndpointResult("set", set_shape(call, alma_set))


def flags(private: str, status: str, otherwise: AlmaSet | None = None) -> tuple[bool, str]:
    """Return the checked values of `private` and `status`, which may be missing."""
    if private not in ("", *texts.YES_NO):
        raise ApiError("60209")
    if status not in ("", *texts.SET_STATUSES):
        raise ApiError("60210")
    is_private = private != "false" if private or otherwise is None else otherwise.private
    return is_private, status or (otherwise.status if otherwise else "ACTIVE")


def delete_set(call: IncomingRequest) -> EndpointResult:
    """Answer DELETE /conf/sets/{set_id} (T5): the set goes, its members stay."""
    set_id = call.ids[0]
    gone = find_set(call, set_id, ApiError("402264", "Invalid Set ID."))
    del call.institution.sets[set_id]
    call.institution.gone |= {set_id, gone.name}
    call.institution.set_left_by(set_id, call.now)
    return EndpointResult("", status=204, raw=b"")


def list_members(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/sets/{set_id}/members (T6)."""
    alma_set = find_set(call, call.ids[0])
    offset, limit = call.page()
    page = [_member(call, alma_set, item) for item in alma_set.page(call.now, offset, limit)]
    return EndpointResult("members", call.list_of("member", page, alma_set.count(call.now)))


def _member(call: IncomingRequest, alma_set: AlmaSet, record_id: str) -> dict[str, Any]:
    records = call.institution.records
    shape = {"id": record_id, "description": records.describe(alma_set.content, record_id)}
    if path := _MEMBER_PATHS.get(alma_set.content):
        title, holding = records.above(record_id)
        shape["link"] = call.link(path.format(id=record_id, title=title, holding=holding))
    return shape
