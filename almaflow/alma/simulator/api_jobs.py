"""The jobs endpoints: J1, J2 and J4 to J8 of alma-api.md 3; submitting is in `submission`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from almaflow.alma.simulator import advice, texts
from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.library import FILLING_JOB, Effect
from almaflow.alma.simulator.records import digest
from almaflow.alma.simulator.reply import ApiError, EndpointResult
from almaflow.alma.simulator.runs import Instance
from almaflow.alma.simulator.scenario_fields import count_in
from almaflow.alma.simulator.shapes import instance_shape, job_shape
from almaflow.alma.simulator.submission import job_of

# Alma lists jobs by name, without regard to case, spaces and punctuation (alma-api.md 3.1).
_LETTERS = re.compile(r"[\W_]+")
_MATCH_POPULATIONS = ("SINGLE_MATCHES", "MULTI_MATCHES")


def list_jobs(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/jobs (J1)."""
    kind, category = call.asked("type"), call.asked("category")
    profile_id = call.asked("profile_id")
    if kind and kind not in texts.JOB_TYPES:
        raise ApiError("40166410", "Invalid type.")
    if category and not _is_category(call, category):
        raise ApiError("40166410", "Invalid category.")
    found = [
        job
        for job in call.institution.jobs.values()
        if kind in ("", job.type)
        and category in ("", job.category)
        and profile_id in ("", job.profile_id)
    ]
    found.sort(key=lambda job: _LETTERS.sub("", job.name).casefold())
    offset, limit = call.page()
    page = [job_shape(call, job, listed=True) for job in found[offset : offset + limit]]
    line = ""
    if profile_id and not found:
        line = advice.profile_with_id(call.institution, profile_id)
    return EndpointResult("jobs", call.list_of("job", page, len(found)), hint=line)


def _is_category(call: IncomingRequest, code: str) -> bool:
    """Tell whether *code* is in Alma's tables, or a code that one of the jobs has."""
    if call.institution.switches.unknown_category == "accept":
        return True
    if code in texts.MANUAL_CATEGORIES or code in texts.SYSTEM_CATEGORIES:
        return True
    return any(job.category == code for job in call.institution.jobs.values())


def get_job(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/jobs/{job_id} (J2)."""
    return EndpointResult("job", job_shape(call, job_of(call, call.ids[0])))


def list_instances(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/jobs/{job_id}/instances (J4)."""
    institution, job_id = call.institution, call.ids[0]
    everything = job_id == "ALL" and institution.switches.list_all
    if not everything:
        job_of(call, job_id)
    status = call.asked("status")
    if status and status not in texts.STATUSES:
        raise ApiError("40166410", "Invalid status.")
    first, last = _date(call, "submit_date_from"), _date(call, "submit_date_to")
    found = [
        run
        for run in institution.instances.values()
        if (everything or run.job.id == job_id)
        and (not status or run.status(call.now) == status)
        and _between(call, run, first, last)
        and _listed(call, run)
    ]
    found.sort(key=lambda run: run.submitted_at, reverse=institution.switches.newest_first)
    offset, limit = call.page()
    page = [instance_shape(call, run) for run in found[offset : offset + limit]]
    return EndpointResult("job_instances", call.list_of("job_instance", page, len(found)))


def _date(call: IncomingRequest, name: str) -> date | None:
    text = call.asked(name)
    if not text:
        return None
    try:
        return datetime.strptime(text.removesuffix("Z"), "%Y-%m-%d").date()
    except ValueError:
        raise ApiError("402217") from None


def _between(call: IncomingRequest, run: Instance, first: date | None, last: date | None) -> bool:
    institution = call.institution
    zone = institution.zone if institution.switches.dates_in == "institution" else UTC
    day = run.submitted_at.astimezone(zone).date()
    return (first is None or first <= day) and (last is None or day <= last)


def _listed(call: IncomingRequest, run: Instance) -> bool:
    lag = call.institution.switches.list_lag
    return run.submitted_at <= call.now and (lag is None or run.submitted_at + lag <= call.now)


def _instance_of(call: IncomingRequest) -> Instance:
    job_id, instance_id = call.ids
    # The job that fills sets from imports is in no list of jobs, but its runs are linked.
    if job_id not in ("ALL", FILLING_JOB.id):
        job_of(call, job_id)
    run = call.institution.instances.get(instance_id)
    if run is None or job_id not in ("ALL", run.job.id):
        raise ApiError("402218")
    return run


def get_instance(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/jobs/{job_id}/instances/{instance_id} (J5)."""
    return EndpointResult("job_instance", instance_shape(call, _instance_of(call)))


def list_events(call: IncomingRequest) -> EndpointResult:
    """Answer GET …/events (J6): the rejected entries of a user import."""
    run = _instance_of(call)
    if run.job.effect is not Effect.USERS:
        raise ApiError("60332")
    counters = [
        line.value for line in run.shown_counters(call.now) if line.type.endswith("rejected")
    ]
    rejected = (count_in(counters[0]) or 0) if counters else 0
    offset, limit = call.page()
    page: list[dict[str, Any]] = [
        {
            "event_id": str(digest(f"{run.id} {i}") % 10**12),
            "event_key": [{"code": "PRIMARY_ID", "value": f"user{i:06d}"}],
        }
        for i in range(offset, min(offset + limit, rejected))
    ]
    return EndpointResult("events", call.list_of("event", page, rejected))


def list_matches(call: IncomingRequest) -> EndpointResult:
    """Answer GET …/matches (J7): the records of an import that matched others."""
    run = _instance_of(call)
    population = call.asked("population")
    if population not in _MATCH_POPULATIONS:
        raise ApiError("40166410", "Population value is invalid.")
    if run.job.effect is not Effect.IMPORT_RECORDS:
        raise ApiError("402119")
    total = dict(run.actions).get(population, 0) if run.is_over(call.now) else 0
    offset, limit = call.page()
    page = [
        _match(call, run, i, 2 if population == "MULTI_MATCHES" else 1)
        for i in range(offset, min(offset + limit, total))
    ]
    return EndpointResult("matches", call.list_of("match", page, total))


def _match(call: IncomingRequest, run: Instance, index: int, hits: int) -> dict[str, Any]:
    number = digest(f"{run.id} {index}") % 100_000_000
    ids = [call.institution.records.id_of("BIB_MMS", number + i) for i in range(hits)]
    return {
        "incoming_record_id": f"ocm{number:08d}",
        "mms_ids": ", ".join(ids),
        "match_method": "Other System or Standard Number Match Method",
    }


def download(call: IncomingRequest) -> EndpointResult:
    """Answer GET …/download (J8): the MARC records of an import, as XML."""
    run = _instance_of(call)
    if run.job.effect is not Effect.IMPORT_RECORDS:
        raise ApiError("402218")
    fields = "".join(
        f'<record><controlfield tag="001">ocm{digest(f"{run.id} {i}") % 100_000_000:08d}'
        "</controlfield></record>"
        for i in range(run.members)
    )
    body = f'<collection xmlns="http://www.loc.gov/MARC21/slim">{fields}</collection>'
    return EndpointResult("collection", raw=body.encode())
