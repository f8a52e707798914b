"""Making, changing and deleting integration profiles (alma-api.md 8.1)."""

from __future__ import annotations

from dataclasses import replace

from almaflow.alma.simulator import texts
from almaflow.alma.simulator.call import IncomingRequest
from almaflow.alma.simulator.institution import MOST_KEPT
from almaflow.alma.simulator.profile_furnishing import INTEGRATION, add_integration
from almaflow.alma.simulator.profiles import IntegrationProfile
from almaflow.alma.simulator.reply import ApiError, EndpointResult
from almaflow.alma.simulator.shapes import integration_profile_shape


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
