"""Submitting a job: Alma's checks in their order, and the run that results."""

from __future__ import annotations

import re
from contextlib import suppress

from almaflow.alma.simulator import advice
from almaflow.alma.simulator.alma_sets import AlmaSet
from almaflow.alma.simulator.call import IncomingRequest, http_date
from almaflow.alma.simulator.institution import Institution, Submission
from almaflow.alma.simulator.library import Job
from almaflow.alma.simulator.made_up import job_with_id, set_with_id, suit
from almaflow.alma.simulator.reply import ApiError, EndpointResult, bad_request
from almaflow.alma.simulator.runs import Instance
from almaflow.alma.simulator.shapes import job_shape
from almaflow.alma.simulator.texts import SUBMITTABLE_CATEGORIES
from almaflow.alma.simulator.wire import RequestBody, text_of

_IN_BRACKETS = re.compile(r"\s*\[[^\[\]]*\]\s*$")
_JOB_ID = re.compile(r"[SMO]\d+")
Parameters = tuple[tuple[str, str], ...]


def job_of(call: IncomingRequest, job_id: str) -> Job:
    """Return the job of that id.

    Raises:
        ApiError: 402215 for no id at all, 402216 for one that is not here.
    """
    if _JOB_ID.fullmatch(job_id) is None:
        raise ApiError(
            "402215",
            f"Invalid format for job_id. Value: {job_id}. "
            "Valid format: Job type prefix (S,M,O) followed by digits",
        )
    job = job_with_id(call.institution, job_id)
    if job is None:
        raise ApiError("402216", hint=advice.job_with_id(call.institution, job_id))
    return job


def submit(call: IncomingRequest) -> EndpointResult:
    """Answer POST /conf/jobs/{job_id}?op=run."""
    job = job_of(call, call.ids[0])
    operation = call.query.get("op", "")
    if operation != "run":
        raise ApiError("402221" if operation else "402220")
    parameters = _parameters(_body(call))
    run = start(call, job, parameters)
    shape = job_shape(call, job)
    if parameters:
        shape["parameter"] = [
            {"name": {"value": name}, "value": value} for name, value in parameters
        ]
    shape["additional_info"] = {
        "value": triggered(run),
        "link": call.link(f"/conf/jobs/{job.id}/instances/{run.id}"),
    }
    return EndpointResult("job", shape)


def start(call: IncomingRequest, job: Job, parameters: Parameters) -> Instance:
    """Start a run on the API's behalf, if Alma lets it.

    Raises:
        ApiError: the job cannot be run by API, a parameter is missing, a limit is reached.
    """
    institution, now = call.institution, call.now
    _check_kind(job)
    alma_set, outcome = None, None
    if job.type == "MANUAL":
        _check_mandatory(institution, job, parameters)
        alma_set, outcome = _population(call, job, parameters)
    _check_limits(call, job)
    run = institution.start_run(
        job,
        now,
        name=_run_name(institution, job, parameters, call),
        submitted_by="exl_api",
        parameters=parameters,
        alma_set=alma_set,
        outcome=outcome,
    )
    institution.submissions.append(Submission(institution.name, job.id, now, parameters, run.id))
    return run


def start_another(call: IncomingRequest) -> None:
    """Let another API user start the same job at this instant, under the same name.

    What is in brackets at the end of the name is the caller's own and is left out. The scenario's
    rules neither count nor concern that run. Nothing is started when the job is not here.
    """
    with suppress(ApiError):
        job = job_of(call, call.ids[0])
        parameters = tuple(
            (name, _IN_BRACKETS.sub("", value) if name == "job_name" else value)
            for name, value in _parameters(_body(call))
        )
        name = _run_name(call.institution, job, parameters, call)
        call.institution.start_run(job, call.now, name=name, submitted_by="exl_api", history=True)


def triggered(run: Instance) -> str:
    """Return Alma's sentence about a run it has started."""
    return f"Job no. {run.id} triggered on {http_date(run.submitted_at)}"


def _body(call: IncomingRequest) -> RequestBody:
    if not call.body.strip():
        if call.institution.switches.empty_body == "refuse":
            raise bad_request("Required request body is missing")
        return RequestBody({}, True, "Job")
    return call.parsed("Job")


def _parameters(body: RequestBody) -> Parameters:
    pairs = []
    for item in body.items("parameter"):
        parameter = RequestBody(item, body.is_json, "JobParameter")
        pairs.append((parameter.coded("name"), text_of(item.get("value"))))
    return tuple(pairs)


def _check_kind(job: Job) -> None:
    if job.tasks > 1:
        raise ApiError("402231")
    if job.type == "OTHER":
        raise ApiError("402249")
    # The jobs of profiles are those that the API may start; some share a category with others.
    own = bool(job.profile_id) or job.category in SUBMITTABLE_CATEGORIES
    if job.type == "SCHEDULED" and not own:
        raise ApiError("402248")


def _check_mandatory(institution: Institution, job: Job, parameters: Parameters) -> None:
    given = dict(reversed(parameters))
    for name in job.mandatory:
        if institution.wanted is not None and name != "set_id":
            # Where everything exists, the institution's own jobs may take other parameters.
            continue
        if name not in given:
            raise ApiError("402228", f"Mandatory parameter is missing from input. {name}")
        if not given[name]:
            raise ApiError("402229", f"Mandatory parameter value is empty. {name}")


def _population(
    call: IncomingRequest, job: Job, parameters: Parameters
) -> tuple[AlmaSet | None, str | None]:
    """Return the set that the run works on, and its outcome where the set decides that."""
    institution, switches = call.institution, call.institution.switches
    set_id = dict(reversed(parameters)).get("set_id", "")
    if not set_id and "set_id" not in job.mandatory:
        return None, None
    alma_set = set_with_id(institution, set_id)
    if alma_set is None or not alma_set.visible(call.now):
        if switches.bad_set == "refuse":
            raise ApiError(
                "402229",
                f"Mandatory parameter value is empty. set_id: {set_id}",
                hint=advice.set_with_id(institution, set_id, job),
            )
        return None, "FAILED" if switches.bad_set == "fail" else "COMPLETED_NO_BULKS"
    if job.works_on and alma_set.content not in job.works_on:
        suit(institution, alma_set, job.works_on[0])
    if job.works_on and alma_set.content not in job.works_on and switches.wrong_content != "ignore":
        if switches.wrong_content == "refuse":
            raise ApiError(
                "402229",
                f"Mandatory parameter value is empty. set_id: set {set_id} holds "
                f"{alma_set.content}, the job runs on {job.works_on[0]}",
                hint=advice.set_of_other_content(institution, set_id, job),
            )
        return alma_set, "FAILED"
    if switches.empty_set == "refuse" and alma_set.count(call.now) == 0:
        raise ApiError("402229", f"Mandatory parameter value is empty. set_id: {set_id} is empty")
    return alma_set, None


def _check_limits(call: IncomingRequest, job: Job) -> None:
    institution, switches, now = call.institution, call.institution.switches, call.now
    attempts = institution.submission_counts
    attempts[job.id] = attempts.get(job.id, 0) + 1
    rule = institution.rule_for(job, attempts[job.id], refusing=True)
    if rule is not None and rule.refuse:
        raise ApiError(rule.refuse)
    if len(institution.running(now)) >= switches.running_jobs:
        raise ApiError(switches.running_code)
    if institution.started_in_last_hour(job, now) >= switches.starts_per_hour:
        raise ApiError(switches.starts_code)
    if switches.overlap == "scheduled" and job.type == "SCHEDULED":
        alive = (run for run in institution.instances.values() if run.job.id == job.id)
        if any(not run.is_over(now) for run in alive):
            raise ApiError("60347")


def _run_name(
    institution: Institution, job: Job, parameters: Parameters, call: IncomingRequest
) -> str:
    """Return the run's name: `job_name` and the local time for manual jobs, else the job's."""
    if job.type != "MANUAL":
        return job.name
    dropped = institution.switches.run_names == "dropped"
    name = ("" if dropped else dict(reversed(parameters)).get("job_name")) or job.name
    name = name[: institution.switches.name_limit]
    local = call.now.astimezone(institution.zone)
    if institution.switches.run_names == "plain":
        return name
    if institution.switches.run_names == "legacy":
        return f"{name} - {local:%m/%d/%Y %H:%M}"
    # Not %p: what it says depends on the machine's language.
    half = "AM" if local.hour < 12 else "PM"
    return f"{name} - {local:%Y-%m-%d} {local.hour % 12 or 12}:{local:%M} {half}"
