"""Making sets: T2 in all its variants (alma-api.md 7.4)."""

from __future__ import annotations

from datetime import timedelta

from almaflow.alma.simulator import texts
from almaflow.alma.simulator.alma_sets import AlmaSet
from almaflow.alma.simulator.api_members import members_to_add
from almaflow.alma.simulator.api_sets import find_set, flags
from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.library import FILLING_JOB
from almaflow.alma.simulator.made_up import suit
from almaflow.alma.simulator.queries import check_query
from almaflow.alma.simulator.records import Members
from almaflow.alma.simulator.reply import ApiError, EndpointResult
from almaflow.alma.simulator.scenario import FaultKind
from almaflow.alma.simulator.shapes import set_shape
from almaflow.alma.simulator.wire import RequestBody

# Contents that a logical set cannot have: only inventory, users and vendors have queries.
_NOT_LOGICAL = ("PO_LINE", "FILE")
_COMBINATIONS = ("AND", "OR", "NOT")


def create_set(call: IncomingRequest) -> EndpointResult:
    """Answer POST /conf/sets (T2)."""
    body = call.parsed("Set")
    run_id, population = call.asked("job_instance_id"), call.asked("population")
    if bool(run_id) != bool(population):
        raise ApiError("500127")
    if call.asked("nz_set_from_iz_set"):
        raise ApiError("60335")
    if call.asked("set1") or call.asked("set2"):
        alma_set = _combined(call, body)
    elif call.asked("from_logical_set"):
        alma_set = _copied(call, body)
    elif run_id:
        alma_set = _from_run(call, body, run_id, population)
    elif call.asked("filter_set"):
        alma_set = _filtered(call, body)
    else:
        alma_set = _plain(call, body)
    if call.fault is not None and call.fault.kind is FaultKind.ROUTING_ERROR:
        alma_set.visible_from = call.now + (call.fault.delay or timedelta(0))
    return EndpointResult("set", set_shape(call, alma_set))


def _plain(call: IncomingRequest, body: RequestBody) -> AlmaSet:
    """Make an empty itemized set or a logical one."""
    kind, content, query = body.coded("type"), body.coded("content"), body.coded("query")
    name = _name(call, body)
    if kind not in texts.SET_TYPES:
        raise ApiError("402262")
    if content not in texts.SET_CONTENTS:
        raise ApiError("402265", f"Failed to create a set. Content type {content!r} is not valid.")
    if kind == "ITEMIZED":
        members = Members()
        if call.institution.switches.members_on_create == "add":
            requested = body.part("members")
            if requested.items("member"):
                members.add(members_to_add(call, content, requested, Members()))
        return _keep(call, body, name, content, members)
    if content in _NOT_LOGICAL:
        raise ApiError("402265")
    if not query:
        raise ApiError("402228")
    check_query(query, content)
    members = call.institution.logical_members(name, content, query)
    return _keep(call, body, name, content, members, query)


def _copied(call: IncomingRequest, body: RequestBody) -> AlmaSet:
    source = _source(call, call.asked("from_logical_set"))
    if source.type != "LOGICAL" and not source.any_content:
        raise ApiError("402262")
    content = body.coded("content") or source.content
    suit(call.institution, source, content)
    if content != source.content:
        raise ApiError("402265")
    alma_set = _keep(call, body, _name(call, body), content, Members(source.members))
    return _fill(call, alma_set)


def _combined(call: IncomingRequest, body: RequestBody) -> AlmaSet:
    operator = call.asked("combine") or "AND"
    if operator not in _COMBINATIONS:
        raise ApiError("60204")
    if not (call.asked("set1") and call.asked("set2")):
        raise ApiError("60206")
    first, second = _source(call, call.asked("set1")), _source(call, call.asked("set2"))
    wanted = body.coded("content")
    for each, other in ((first, second), (second, first)):
        suit(call.institution, each, other.content if not other.any_content else wanted)
    if first.content != second.content:
        raise ApiError("60205")
    if first.origin != second.origin:
        raise ApiError("60311")
    local = call.now.astimezone(call.institution.zone)
    name = _name(call, body, otherwise=f"{first.name} - Combined - {local:%m/%d/%Y %H:%M:%S}")
    others = set(second.members)
    if operator == "OR":
        members = Members((*first.members, *second.members))
    else:
        members = Members(i for i in first.members if (i in others) == (operator == "AND"))
    return _fill(call, _keep(call, body, name, first.content, members))


def _filtered(call: IncomingRequest, body: RequestBody) -> AlmaSet:
    source = _source(call, call.asked("filter_set"))
    if not call.asked("indication_rule"):
        raise ApiError("402119")
    # What a rule says is not known here: every third member passes.
    members = Members(list(source.members)[::3])
    return _fill(call, _keep(call, body, _name(call, body), source.content, members))


def _fill(call: IncomingRequest, alma_set: AlmaSet) -> AlmaSet:
    """Let Alma fill the set: a small one before it answers, others behind the answer."""
    if len(alma_set.members) > call.institution.switches.filled_at_once:
        alma_set.filled_from = call.now
    return alma_set


def _from_run(call: IncomingRequest, body: RequestBody, run_id: str, population: str) -> AlmaSet:
    """Make a set of an import run's titles; a job of its own fills it."""
    institution = call.institution
    run = institution.instances.get(run_id)
    if run is None:
        raise ApiError("402218")
    if run.job.category != "IMPORT":
        raise ApiError("402267")
    sizes = dict(run.actions)
    if population not in sizes:
        raise ApiError("402266")
    seed = f"{run.id} {population}"
    members = Members.computed(institution.records, "BIB_MMS", seed, sizes[population])
    alma_set = _keep(call, body, _name(call, body), "BIB_MMS", members)
    filling = institution.start_run(
        FILLING_JOB, call.now, name=f"Create set {alma_set.name}", submitted_by="System"
    )
    alma_set.filling_run = filling.id
    alma_set.filled_from = filling.timeline.running_at
    seconds = (filling.timeline.ended_at - filling.timeline.running_at).total_seconds()
    alma_set.fill_rate = 1 + int(len(members) / max(seconds, 1.0))
    return alma_set


def _source(call: IncomingRequest, set_id: str) -> AlmaSet:
    return find_set(call, set_id, ApiError("402264"))


def _name(call: IncomingRequest, body: RequestBody, otherwise: str = "") -> str:
    name = body.text("name") or otherwise
    if not name:
        raise ApiError("402228")
    if call.institution.set_named(name) is not None:
        raise ApiError("402263")
    return name


def _keep(
    call: IncomingRequest,
    body: RequestBody,
    name: str,
    content: str,
    members: Members,
    query: str = "",
) -> AlmaSet:
    private, status = flags(body.coded("private"), body.coded("status"))
    origin = body.coded("origin")
    alma_set = call.institution.add_set(
        name, content, members, created_at=call.now, query=query, private=private
    )
    alma_set.status = status
    alma_set.description, alma_set.note = body.text("description"), body.text("note")
    alma_set.origin = origin if origin in texts.SET_ORIGINS else "UI"
    return alma_set
