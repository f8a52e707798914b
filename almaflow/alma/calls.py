"""The requests that almaflow sends to Alma, as values.

Pure functions make the requests. A request can be rendered (for `plan`), fingerprinted (so that a
resumed run can prove that it sends what it recorded) and sent, only by `AlmaClient.send`. Texts may
hold placeholders of secrets; the client replaces them at the last moment.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date
from typing import Any, Generic, Literal, TypeVar, cast
from urllib.parse import quote

from almaflow.alma import value_parsing
from almaflow.alma.errors import NotInAlma
from almaflow.alma.read_path import API_BASE as API_BASE
from almaflow.alma.read_path import split_path
from almaflow.alma.value_parsing import UnreadableResponse
from almaflow.alma.wire import (
    AlmaSet,
    CodeTable,
    General,
    ImportProfile,
    IntegrationProfile,
    Job,
    JobDetails,
    JobInstance,
    JobParameter,
    Member,
    Page,
)
from almaflow.late_dataclasses import dataclass

T = TypeVar("T")
U = TypeVar("U")

PAGE = 100
"""The largest number of entries that Alma returns in one response."""

MEMBERS_IN_ONE_CALL = 1000
"""The largest number of ids in one change of a set's members (Alma's error 60118 beyond)."""

# Timeout (seconds). Sets are slow: existing clients wait up to ten minutes.
_READ, _SUBMIT, _SETS = 60.0, 180.0, 600.0

MemberChange = Literal["add_members", "delete_members", "replace_members"]


@dataclass(frozen=True)
class AlmaRequest(Generic[T]):
    """One request: what is sent, its timeout (seconds), and how its response is read.

    *path* is below `API_BASE` and percent-encoded; *query* keeps its order; *body* is JSON-able or
    None; *name* describes the request in a few words; *accept* is the requested media type. *read*
    turns the response's data (JSON, or XML in JSON's shape; None when empty) into the result and
    raises `UnreadableResponse` when it cannot.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any
    read: Callable[[Any], T] = field(compare=False, repr=False)
    timeout: float
    name: str
    accept: str = "application/json"

    @property
    def is_write(self) -> bool:
        """Whether Alma changes something, so that repeating the call may change it twice."""
        return self.method != "GET"

    @property
    def what(self) -> str:
        """The call in messages, such as `POST /conf/jobs/M44`."""
        return f"{self.method} {self.path}"

    def then(self, change: Callable[[T], U]) -> AlmaRequest[U]:
        """Return the same call with its result changed, such as to what a record keeps."""
        return replace(cast("AlmaRequest[U]", self), read=lambda data: change(self.read(data)))

    def rendering(self) -> dict[str, Any]:
        """Return what is sent as JSON data; secrets stay placeholders."""
        return {
            "method": self.method,
            "path": self.path,
            "query": [list(pair) for pair in self.query],
            "body": self.body,
        }

    def fingerprint(self) -> str:
        """Return a hash of what is sent (SHA-256, hex)."""
        canonical = json.dumps(self.rendering(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()


# --- any read, and probes -------------------------------------------------------------------


def get_any(
    path: str, query: Mapping[str, str] | Sequence[tuple[str, str]] = ()
) -> AlmaRequest[Any]:
    """Read any path as Alma's documentation writes it, with or without a query.

    Raises:
        ValueError: *path* names a host, climbs with `..`, or the query carries a key.
    """
    plain, pairs = split_path(path, query)
    encoded = quote(plain, safe="/%:@!$&'()*+,;=~")
    return AlmaRequest("GET", encoded, pairs, None, lambda data: data, _READ, f"read {plain}")


def probe(write: bool = False) -> AlmaRequest[str]:
    """Check that the key may read (or write) Configuration; returns the institution's code.

    The code is empty if Alma does not report it, as for writing.
    """
    method = "POST" if write else "GET"
    return AlmaRequest(method, "/conf/test", (), None, _institution_code, _READ, "test the API key")


def general() -> AlmaRequest[General]:
    """Read the general information about the institution."""
    return _get(("conf", "general"), General.read, "read the institution's general information")


# --- jobs -----------------------------------------------------------------------------------


def list_jobs(
    *, offset: int = 0, type: str | None = None, profile_id: str | None = None
) -> AlmaRequest[Page[Job]]:
    """Read one page of the jobs that can be submitted.

    Raises:
        NotInAlma: *profile_id* is empty; Alma would ignore it and list every job.
    """
    if profile_id is not None:
        _segment(profile_id, "profile")
    query = _query(limit=PAGE, offset=offset, type=type, profile_id=profile_id)
    return _get(("conf", "jobs"), _page("job", Job.read), "list jobs", query)


def job(job_id: str) -> AlmaRequest[Job]:
    """Read one job."""
    return _get(("conf", "jobs", _segment(job_id, "job")), Job.read, f"read job {job_id}")


def job_details(job_id: str) -> AlmaRequest[JobDetails]:
    """Read one job with the labels of its codes."""
    path = ("conf", "jobs", _segment(job_id, "job"))
    return _get(path, JobDetails.read, f"read job {job_id}")


def code_table(name: str) -> AlmaRequest[CodeTable]:
    """Read a table of codes, such as `systemJobStatus`."""
    path = ("conf", "code-tables", _segment(name, "code table"))
    return _get(path, CodeTable.read, f"read the code table {name}")


def submit_job(job_id: str, parameters: Sequence[JobParameter] = ()) -> AlmaRequest[str]:
    """Start a job; returns the id of the new instance. A scheduled job takes no parameters.

    Repeating it starts the job once more.
    """
    body = parameters_body(parameters) if parameters else {}
    path = f"/conf/jobs/{_segment(job_id, 'job')}"
    query = (("op", "run"),)
    return AlmaRequest("POST", path, query, body, _new_instance_id, _SUBMIT, f"submit job {job_id}")


def parameters_body(parameters: Sequence[JobParameter]) -> dict[str, Any]:
    """Return *parameters* in the form of Alma's JSON, which the wizard shows too."""
    return {
        "parameter": [
            {"name": {"value": parameter.name}, "value": parameter.value}
            for parameter in parameters
        ]
    }


def instance(instance_id: str, job_id: str = "ALL") -> AlmaRequest[JobInstance]:
    """Read one execution of a job; its id alone is enough."""
    segments = (
        *("conf", "jobs", _segment(job_id, "job")),
        *("instances", _segment(instance_id, "job instance")),
    )
    return _get(segments, JobInstance.read, f"read job instance {instance_id}")


def instances(
    job_id: str, *, submitted_from: date | None = None, offset: int = 0
) -> AlmaRequest[Page[JobInstance]]:
    """Read one page of a job's executions, those of the date included.

    The zone of the date and the order are not documented: widen by a day, filter and sort
    by `submit_time`.
    """
    begin = submitted_from.isoformat() if submitted_from else None
    query = _query(limit=PAGE, offset=offset, submit_date_from=begin)
    segments = ("conf", "jobs", _segment(job_id, "job"), "instances")
    read = _page("job_instance", JobInstance.read)
    return _get(segments, read, f"list the instances of job {job_id}", query)


# --- sets (creating them: set_creation.py) --------------------------------------------------------


def alma_set(set_id: str) -> AlmaRequest[AlmaSet]:
    """Read one set."""
    return _get(("conf", "sets", _segment(set_id, "set")), AlmaSet.read, f"read set {set_id}")


def list_sets(
    q: str | None = None, *, content: str | None = None, offset: int = 0
) -> AlmaRequest[Page[AlmaSet]]:
    """Read one page of sets; *q* is a search such as `name~withdrawn_items` (`words`)."""
    query = _query(limit=PAGE, offset=offset, q=q, content_type=content)
    return _get(("conf", "sets"), _page("set", AlmaSet.read), "list sets", query)


def set_members(set_id: str, *, limit: int = PAGE, offset: int = 0) -> AlmaRequest[Page[Member]]:
    """Read one page of a set's members; of a logical set each takes seconds."""
    segments = ("conf", "sets", _segment(set_id, "set"), "members")
    query = _query(limit=limit, offset=offset)
    what = f"list the members of set {set_id}"
    return _get(segments, _page("member", Member.read), what, query, timeout=_SETS)


def change_members(
    set_id: str,
    op: MemberChange,
    ids: Sequence[str],
    *,
    id_type: str | None = None,
    fail_on_invalid_id: bool = True,
) -> AlmaRequest[AlmaSet]:
    """Add, remove or replace members of an itemized set.

    Raises:
        ValueError: more than `MEMBERS_IN_ONE_CALL` *ids*, or none.
    """
    if not 0 < len(ids) <= MEMBERS_IN_ONE_CALL:
        raise ValueError(f"{len(ids)} ids in one call; Alma accepts 1 to {MEMBERS_IN_ONE_CALL}")
    path = f"/conf/sets/{_segment(set_id, 'set')}"
    unknown_ids = None if fail_on_invalid_id else "false"
    query = _query(op=op, id_type=id_type, fail_on_invalid_id=unknown_ids)
    body = {"members": {"member": [{"id": member_id} for member_id in ids]}}
    what = f"{op.replace('_', ' ')} of set {set_id}"

    def changed(data: Any) -> AlmaSet:
        alma_set = AlmaSet.read(data)
        if alma_set.id != set_id:
            raise UnreadableResponse(f"the response is not about the set {set_id}")
        return alma_set

    return AlmaRequest("POST", path, query, body, changed, _SETS, what)


def delete_set(set_id: str) -> AlmaRequest[None]:
    """Delete a set, never its members."""
    path = f"/conf/sets/{_segment(set_id, 'set')}"
    return AlmaRequest("DELETE", path, (), None, _nothing, _SETS, f"delete set {set_id}")


# --- profiles -------------------------------------------------------------------------------


def integration_profiles(
    q: str | None = None, *, offset: int = 0
) -> AlmaRequest[Page[IntegrationProfile]]:
    """Read one page of integration profiles; *q* is a search such as `code~BURSAR`."""
    query = _query(limit=PAGE, offset=offset, q=q)
    read = _page("integration_profile", IntegrationProfile.read)
    return _get(("conf", "integration-profiles"), read, "list integration profiles", query)


def import_profiles() -> AlmaRequest[Page[ImportProfile]]:
    """Read all import profiles; this list has no pages."""
    read = _page("import_profile", ImportProfile.read)
    return _get(("conf", "md-import-profiles"), read, "list import profiles")


def import_profile(profile_id: str) -> AlmaRequest[ImportProfile]:
    """Read one import profile."""
    segments = ("conf", "md-import-profiles", _segment(profile_id, "profile"))
    return _get(segments, ImportProfile.read, f"read import profile {profile_id}")


def words(text: str) -> str:
    """Return *text* as Alma's search needs it, with spaces as `_`."""
    return re.sub(r"\s+", "_", text.strip())


# --- helpers --------------------------------------------------------------------------------


def _get(
    segments: Sequence[str],
    read: Callable[[Any], T],
    name: str,
    query: tuple[tuple[str, str], ...] = (),
    timeout: float = _READ,
) -> AlmaRequest[T]:
    return AlmaRequest("GET", "/" + "/".join(segments), query, None, read, timeout, name)


def _segment(identifier: str, noun: str) -> str:
    """Percent-encode an id for a path.

    An empty one would turn `DELETE /conf/sets/<id>` into another call, dots would climb.
    """
    if not identifier.strip(". \t\r\n"):
        message = (
            f"'{identifier}' is not a valid id of a {noun}."
            if identifier
            else f"The id of the {noun} is empty."
        )
        raise NotInAlma(message, noun=noun, name=identifier)
    return quote(identifier, safe="")


def _query(**values: str | int | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for name, value in values.items() if value is not None)


def _page(key: str, item: Callable[[Any], T]) -> Callable[[Any], Page[T]]:
    return lambda data: Page.read(data, key, item)


def _institution_code(data: Any) -> str:
    # `<test>GET - OK - institutionCode: 01ABC_INST</test>`; the text may change (no schema).
    found = re.search(r"institutionCode:\s*([\w.-]+)", value_parsing.text(data))
    return found[1][: value_parsing.LONGEST_CODE] if found else ""


def _nothing(data: Any) -> None:
    if data:
        raise UnreadableResponse("the response is not the empty one that Alma gives to a deletion")


def _new_instance_id(data: Any) -> str:
    answer = value_parsing.fields(data, "a submitted job")
    found = value_parsing.instance_in_link(answer.get("additional_info"))
    if not found:
        raise UnreadableResponse("the response has no link to the new job instance")
    return found
