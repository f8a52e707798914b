"""Profiles, code tables and the small helpers around them (alma-api.md 1.3, 8, 9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from almaflow.alma.simulator import advice, texts
from almaflow.alma.simulator.api_sets import words_match
from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.institution import MOST_KEPT
from almaflow.alma.simulator.profile_furnishing import INTEGRATION, add_integration
from almaflow.alma.simulator.profiles import IntegrationProfile
from almaflow.alma.simulator.reply import ApiError, EndpointResult
from almaflow.alma.simulator.shapes import import_profile_shape, integration_profile_shape
from almaflow.alma.simulator.submission import job_of, start, triggered

_SEARCHED = ("code", "name", "created_by")
# Rows of a table of which nothing but the name is known.
_MADE_UP_ROWS = {"DEFAULT": "Default"}


def list_integration_profiles(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/integration-profiles."""
    kind, query = call.asked("type"), call.asked("q")
    if kind and kind not in texts.INTEGRATION_TYPES:
        raise ApiError("40166404")
    field, tilde, words = query.partition("~")
    if query and (not tilde or field not in _SEARCHED):
        raise ApiError("40166410")
    found = [
        profile
        for profile in call.institution.integration_profiles.values()
        if kind in ("", profile.type)
        and (not query or words_match(words, str(getattr(profile, field))))
    ]
    offset, limit = call.page()
    page = [integration_profile_shape(call, item) for item in found[offset : offset + limit]]
    return EndpointResult(
        "integration_profiles",
        call.list_of("integration_profile", page, len(found)),
        hint=_profile_advice(call, field, words, found),
    )


def _profile_advice(
    call: IncomingRequest, field: str, words: str, found: list[IntegrationProfile]
) -> str:
    if field not in ("code", "name"):
        return ""
    if any(_spaced(str(getattr(profile, field))) == _spaced(words) for profile in found):
        return ""
    text = words if field == "code" else words.replace("_", " ")
    return advice.profile_called(call.institution, field, text)


def _spaced(text: str) -> str:
    return text.replace("_", " ")


def get_integration_profile(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/integration-profiles/{id}."""
    profile = call.institution.integration_profiles.get(call.ids[0])
    if profile is None:
        line = advice.profile_with_id(call.institution, call.ids[0])
        raise ApiError("60304", hint=line)
    return EndpointResult("integration_profile", integration_profile_shape(call, profile))


def list_import_profiles(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/md-import-profiles, which has no pages."""
    profiles = call.institution.import_profiles.values()
    if call.asked("type") not in ("", "REPOSITORY"):
        raise ApiError("402123")
    shapes = [import_profile_shape(call, profile) for profile in profiles]
    return EndpointResult("import_profiles", call.list_of("import_profile", shapes))


def get_import_profile(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/md-import-profiles/{id}."""
    return EndpointResult("import_profile", _import_profile(call))


def run_import_profile(call: IncomingRequest) -> EndpointResult:
    """Answer the deprecated POST /conf/md-import-profiles/{id}?op=run."""
    shape = _import_profile(call)
    operation = call.query.get("op", "")
    if operation != "run":
        raise ApiError("402221" if operation else "402220")
    run = start(call, job_of(call, shape["job_id"]["value"]), ())
    return EndpointResult("import_profile", {**shape, "additional_info": triggered(run)})


def _import_profile(call: IncomingRequest) -> dict[str, Any]:
    profile = call.institution.import_profiles.get(call.ids[0])
    if profile is None:
        line = advice.import_profile(call.institution, profile_id=call.ids[0])
        raise ApiError("401871", hint=line)
    return import_profile_shape(call, profile)


# --- code tables ----------------------------------------------------------------------------------


def list_code_tables(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/code-tables."""
    if call.asked("scope") not in ("", call.institution.code):
        raise ApiError("40166411", "Failed to find scope.")
    shapes = [_table_head(call, name) for name in CODE_TABLES]
    return EndpointResult("code_tables", call.list_of("code_table", shapes))


def get_code_table(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/code-tables/{name}."""
    name = _table_asked(call)
    return EndpointResult("code_table", {**_table_head(call, name), "row": _rows(call, name)})


def update_code_table(call: IncomingRequest) -> EndpointResult:
    """Answer PUT /conf/code-tables/{name}; its rows are replaced."""
    name = _table_asked(call)
    rows = [dict(row) for row in call.parsed("CodeTable").items("row")]
    call.institution.kept.setdefault("code-tables", {})[name] = {"row": rows}
    return get_code_table(call)


def _table_asked(call: IncomingRequest) -> str:
    """Return the name of the table; where everything exists, any is there."""
    name = call.ids[0]
    if name not in CODE_TABLES and call.institution.wanted is None:
        raise ApiError("40166411")
    return name


def _rows(call: IncomingRequest, name: str) -> list[dict[str, Any]]:
    changed = call.institution.kept.get("code-tables", {}).get(name)
    if changed is not None:
        return list(changed["row"])
    return [
        {"code": code, "description": label, "default": False, "enabled": True}
        for code, label in CODE_TABLES.get(name, _MADE_UP_ROWS).items()
    ]


def _table_head(call: IncomingRequest, name: str) -> dict[str, Any]:
    return {
        "link": call.link(f"/conf/code-tables/{name}"),
        "name": name,
        "description": name,
        "sub_system": {"value": "CONF", "desc": "Configuration"},
        "patron_facing": False,
        "language": {"value": "en", "desc": "English"},
        "scope": {"institution_id": {"value": call.institution.code}},
    }


# --- the institution ------------------------------------------------------------------------------


def read_test(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/test, /bibs/test and /users/operation/test, a short XML in any case."""
    text = f"<test>GET - OK - institutionCode: {call.institution.code}</test>"
    return EndpointResult("test", raw=text.encode())


def write_test(call: IncomingRequest) -> EndpointResult:
    """Answer POST /conf/test, /bibs/test and /users/operation/test."""
    return EndpointResult("test", raw=b"<test>POST - OK</test>")


def general(call: IncomingRequest) -> EndpointResult:
    """Answer GET /conf/general."""
    institution = call.institution
    host = institution.code.lower().replace("_", "-")
    if institution.environment == "sandbox":
        host += "-psb"
    return EndpointResult(
        "general",
        {
            "institution": {"value": institution.code, "desc": institution.name},
            "alma_url": f"https://{host}.alma.exlibrisgroup.com/",
            "environment_type": institution.environment,
            "digital": {
                "bucket": "na-test",
                "region": "eu-central-1",
                "ingest_url": f"https://{host}.example.edu/ingest",
                "delivery_url": f"https://{host}.example.edu/delivery",
            },
        },
    )


CODE_TABLES: dict[str, dict[str, str]] = {
    "systemJobStatus": texts.STATUSES,
    "JobsApiJobTypes": texts.JOB_TYPES,
    "HPaTaskChain.type": texts.MANUAL_CATEGORIES,
    "systemJobsGroups": texts.SYSTEM_CATEGORIES,
    "HPaTaskChain.businessEntity": texts.SET_CONTENTS,
    "jobScheduleNames": {"NOT_SCHEDULED": "Not scheduled"},
    "SystemJobReportAlertMessage": texts.ALERTS,
    "SetContentType": texts.SET_CONTENTS,
    "SetType": texts.SET_TYPES,
    "SetPrivacy": texts.YES_NO,
    "SetStatus": texts.SET_STATUSES,
    "SetOrigin": texts.SET_ORIGINS,
    "IntegrationTypes": texts.INTEGRATION_TYPES,
    "UserIdentifierTypes": texts.USER_IDENTIFIER_TYPES,
    "WebhookEvents": {"JOB_END": "Job end"},
    "WebhooksActionType": {
        name: name.capitalize()
        for name in ("JOB_END", "NOTIFICATION", "USER", "LOAN", "REQUEST", "BIB", "ITEM")
    },
}


def create_integration_profile(call: IncomingRequest) -> EndpointResult:
    """Answer POST /conf/integration-profiles; the profile brings the jobs of its type."""
    code, name, kind, system = _fields(call)
    if not code or not kind:
        raise ApiError("402228")
    if len(call.institution.integration_profiles) >= MOST_KEPT:
        raise ApiError("402119", f"General Error - there are {MOST_KEPT} profiles, the most.")
    profile_id = call.institution.new_id()
    add_integration(
        call.institution, code, name or code, kind, system=system or "OTHER", profile_id=profile_id
    )
    made = call.institution.integration_profiles[profile_id]
    return EndpointResult("integration_profile", integration_profile_shape(call, made))


def update_integration_profile(call: IncomingRequest) -> EndpointResult:
    """Answer PUT /conf/integration-profiles/{id}; what is missing stays."""
    profile = _profile(call)
    code, name, kind, system = _fields(call)
    changed = replace(
        profile,
        code=code or profile.code,
        name=name or profile.name,
        type=kind or profile.type,
        system=system or profile.system,
    )
    call.institution.integration_profiles[profile.id] = changed
    return EndpointResult("integration_profile", integration_profile_shape(call, changed))


def delete_integration_profile(call: IncomingRequest) -> EndpointResult:
    """Answer DELETE /conf/integration-profiles/{id}; its jobs go with it."""
    profile, jobs = _profile(call), call.institution.jobs
    del call.institution.integration_profiles[profile.id]
    for job in list(jobs.values()):
        if (job.profile_id, job.profile_path) == (profile.id, INTEGRATION):
            del jobs[job.id]
    return EndpointResult("", status=204, raw=b"")


def _fields(call: IncomingRequest) -> tuple[str, str, str, str]:
    body = call.parsed("IntegrationProfile")
    kind = body.coded("type")
    if kind and kind not in texts.INTEGRATION_TYPES:
        raise ApiError("40166404")
    return body.text("code"), body.text("name"), kind, body.coded("system")


def _profile(call: IncomingRequest) -> IntegrationProfile:
    profile = call.institution.integration_profiles.get(call.ids[0])
    if profile is None:
        raise ApiError("60304")
    return profile
