"""The objects that Alma shows: jobs, instances, sets, profiles (alma-api.md 4, 5, 7.2, 8)."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from almaflow.alma.simulator import texts
from almaflow.alma.simulator.alma_sets import AlmaSet
from almaflow.alma.simulator.call import IncomingRequest, http_date, iso
from almaflow.alma.simulator.library import Job
from almaflow.alma.simulator.profiles import ImportProfile, IntegrationProfile
from almaflow.alma.simulator.runs import Instance
from almaflow.alma.simulator.scenario import FaultKind
from almaflow.alma.simulator.texts import coded

_API_USER = {"value": "exl_api", "desc": "API, Ex Libris"}
_UNHEARD_OF = "ON_HOLD"

# Optional fields that older Alma shows as null.
_JOB_NULLS = ("schedule", "creator", "next_run", "parameter", "related_profile", "additional_info")
_INSTANCE_NULLS = ("start_time", "end_time", "alert", "counter", "action")
_SET_NULLS = ("description", "note", "query", "members", "additional_info")


def _with_nulls(
    call: IncomingRequest, data: dict[str, Any], names: tuple[str, ...]
) -> dict[str, Any]:
    if call.institution.switches.nulls == "legacy":
        for name in names:
            data.setdefault(name, None)
    return data


def _person(user: str) -> dict[str, str]:
    if user == "exl_api":
        return dict(_API_USER)
    # The timer comes without a label.
    return {"value": user} if user == "System" else {"value": user, "desc": f"{user}, Staff"}


def _kind(job: Job) -> dict[str, Any]:
    """Return type and category; a category that no source names is absent."""
    kind: dict[str, Any] = {"type": coded(job.type, texts.JOB_TYPES)}
    if job.category:
        manual = job.type == "MANUAL"
        codes = texts.MANUAL_CATEGORIES if manual else texts.SYSTEM_CATEGORIES
        kind["category"] = coded(job.category, codes)
    return kind


def job_shape(call: IncomingRequest, job: Job, *, listed: bool = False) -> dict[str, Any]:
    """Return a job; *listed*: as in a list, where a manual one is slim (alma-api.md 3.1)."""
    data: dict[str, Any] = {"id": job.id, "name": job.name}
    link = call.link(f"/conf/jobs/{job.id}")
    if listed and job.type == "MANUAL":
        return _with_nulls(call, {**data, **_kind(job), "link": link}, _JOB_NULLS)
    data |= {"description": job.description, **_kind(job)}
    if job.content:
        data["content"] = coded(job.content, texts.SET_CONTENTS)
    if job.type == "SCHEDULED":
        data["schedule"] = {"value": job.schedule, "desc": "Not scheduled"}
        data["creator"] = "exl_impl"
    if job.profile_id:
        data["related_profile"] = {"value": job.profile_id}
        if job.profile_path:
            path = f"/conf/{job.profile_path}/{job.profile_id}"
            data["related_profile"]["link"] = call.link(path)
    return _with_nulls(call, {**data, "link": link}, _JOB_NULLS)


def instance_shape(call: IncomingRequest, run: Instance) -> dict[str, Any]:
    """Return an instance as it is now; what it does not have yet is absent."""
    now, job = call.now, run.job
    status = run.status(now)
    if call.fault is not None and call.fault.kind is FaultKind.UNKNOWN_STATUS_CODE:
        status = call.fault.code or _UNHEARD_OF
    data: dict[str, Any] = {
        "link": call.link(f"/conf/jobs/{job.id}/instances/{run.id}"),
        "id": run.id,
        "external_id": run.external_id,
        "name": run.name,
        "submitted_by": _person(run.submitted_by),
        "submit_time": iso(run.submitted_at),
    }
    if started := run.started_at(now):
        data["start_time"] = iso(started)
    if ended := run.ended_at(now):
        data["end_time"] = iso(ended)
    data["progress"] = run.progress(now)
    data["status"] = coded(status, texts.STATUSES)
    data["status_date"] = f"{run.status_at(now).astimezone(UTC):%Y-%m-%d}Z"
    if alerts := run.alerts(now):
        data["alert"] = [coded(alert, texts.ALERTS) for alert in alerts]
    if counters := run.shown_counters(now):
        data["counter"] = [
            {"type": {"value": line.type, "desc": line.desc or ""}, "value": line.value}
            for line in counters
        ]
    if run.actions and run.is_over(now):
        data["action"] = [_action(call, run, *action) for action in run.actions]
    data["job_info"] = {
        "id": job.id,
        "name": job.name,
        "description": job.description,
        **_kind(job),
        "link": call.link(f"/conf/jobs/{job.id}"),
    }
    return _with_nulls(call, data, _INSTANCE_NULLS)


def _action(call: IncomingRequest, run: Instance, population: str, members: int) -> dict[str, Any]:
    query = f"population={population}&job_instance_id={run.id}"
    return {
        "type": {"value": "CREATE_SET"},
        "population": coded(population, texts.IMPORT_POPULATIONS),
        "members": members,
        "link": call.link(f"/conf/sets?{query}"),
    }


def set_shape(call: IncomingRequest, alma_set: AlmaSet, *, listed: bool = False) -> dict[str, Any]:
    """Return a set; *listed*: as in a list, without query and number of members."""
    link = call.link(f"/conf/sets/{alma_set.id}")
    data: dict[str, Any] = {
        "link": link,
        "id": alma_set.id,
        "name": alma_set.name,
        "type": coded(alma_set.type, texts.SET_TYPES),
        "content": coded(alma_set.content, texts.SET_CONTENTS),
        "private": coded("true" if alma_set.private else "false", texts.YES_NO),
        "status": coded(alma_set.status, texts.SET_STATUSES),
        "status_date": iso(alma_set.status_at),
        "created_by": _person(alma_set.created_by),
        "created_date": iso(alma_set.created_at),
        "origin": coded(alma_set.origin, texts.SET_ORIGINS),
    }
    texts_of_set = {"description": alma_set.description, "note": alma_set.note}
    data |= {name: value for name, value in texts_of_set.items() if value}
    if listed:
        return _with_nulls(call, data, _SET_NULLS)
    if alma_set.query:
        data["query"] = {"value": alma_set.query}
    count = alma_set.shown_count(call.now)
    data["number_of_members"] = {"value": count, "link": f"{link}/members"}
    if alma_set.filling_run:
        run = call.institution.instances[alma_set.filling_run]
        data["additional_info"] = {
            "value": f"Job no. {run.id} triggered on {http_date(run.submitted_at)}",
            "link": call.link(f"/conf/jobs/{run.job.id}/instances/{run.id}"),
        }
    return _with_nulls(call, data, _SET_NULLS)


def integration_profile_shape(call: IncomingRequest, profile: IntegrationProfile) -> dict[str, Any]:
    """Return an integration profile."""
    return {
        "link": call.link(f"/conf/integration-profiles/{profile.id}"),
        "id": profile.id,
        "code": profile.code,
        "name": profile.name,
        "type": coded(profile.type, texts.INTEGRATION_TYPES),
        "system": {"value": profile.system},
        "default": False,
        "description": profile.name,
    }


def import_profile_shape(call: IncomingRequest, profile: ImportProfile) -> dict[str, Any]:
    """Return an import profile."""
    return {
        "link": call.link(f"/conf/md-import-profiles/{profile.id}"),
        "id": profile.id,
        "job_id": {"value": profile.job_id, "link": call.link(f"/conf/jobs/{profile.job_id}")},
        "type": {"value": "REPOSITORY", "desc": "Repository"},
        "name": profile.name,
        "description": profile.name,
        "active": True,
        "source_format": {"value": "MARC21_BIB", "desc": "MARC21 Bibliographic"},
        "target_format": {"value": "MARC21_BIB", "desc": "MARC21 Bibliographic"},
        "file_name_patterns": "*.mrc",
        "files_to_import": {"value": "New", "desc": "New"},
        "scheduler_status": {"value": "INACTIVE", "desc": "Inactive"},
        "import_scheduler": {"value": "NOT_SCHEDULED", "desc": "Not scheduled"},
    }
