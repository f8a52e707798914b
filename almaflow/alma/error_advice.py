"""Advice about Alma's errors, in sentences for people.

Source of the codes: `alma-api.md`, sections 3, 7, 8 and 10.
"""

from __future__ import annotations

from collections.abc import Iterable

from almaflow.alma.errors import Threshold

KEY = (
    "Check the API key in the Developer Network: it must belong to this institution and "
    "environment (production or sandbox) and allow the area Configuration (read-only for "
    "reading, read/write for jobs and sets). A key may also be limited to certain IP addresses."
)
WRONG_HOST = (
    "This host is not Alma's API, or another server responds in front of it. Check `region` or "
    "`base_url` of the institution: the address is one such as "
    "api-eu.hosted.exlibrisgroup.com, not the address that staff open in the browser."
)
WRONG_PATH = "Check the path, and `base_url` if it is set for the institution."

_INSTITUTION = (
    "An id is valid in one institution only; other institutions, the network zone and its "
    "members use different ids. Search for the id in this institution, or check which "
    "institution the step uses."
)
_PARAMETERS = (
    'Compare the parameters with "API information" on the last page of the job\'s wizard in Alma.'
)
_NOT_BY_API = (
    "Alma does not allow this job to be started through the API. Schedule it in Alma instead."
)
_MEMBERS = "Check the ids, and check that `content` and `id_type` match them."

_FOR_CODE = {
    "UNAUTHORIZED": KEY,
    "FORBIDDEN": KEY,
    "INVALID_REQUEST": KEY,
    "NOT_FOUND": WRONG_PATH,
    "402215": "A job's id is M, S or O followed by digits, such as M44.",
    "402216": _INSTITUTION,
    "402218": _INSTITUTION,
    "402264": _INSTITUTION,
    "401871": _INSTITUTION,
    "60107": _INSTITUTION,
    "60304": _INSTITUTION,
    "402228": _PARAMETERS,
    "402229": _PARAMETERS,
    "402231": _NOT_BY_API,
    "402248": _NOT_BY_API,
    "402249": _NOT_BY_API,
    "402263": "Set names are unique in an institution. Choose a different name, or use "
    "`if_exists` to specify what happens to the existing set.",
    "402269": "Begin the query with the set's `content`.",
    "402270": "Create the set in Alma, display it with `almaflow sets show`, and copy its query.",
    "60112": "Use an itemized set; the members of other sets cannot be changed.",
    "60116": _MEMBERS,
    "60120": _MEMBERS,
}

BUSY = {
    Threshold.CALLS: (
        "Alma received more calls in a second or a minute than it allows. The request can be "
        "sent again shortly."
    ),
    Threshold.DAY: "The institution's API calls for today are used up. Continue after midnight.",
    Threshold.JOBS: (
        "Alma allows 3 running jobs that were started through the API, and 5 starts of each job "
        "in an hour. Submit the job again later."
    ),
    Threshold.OVERLAP: (
        "Another running job conflicts with this one. Submit it again when the other job has ended."
    ),
}

UNREACHABLE = "Nothing was sent. Check the network, the proxy, and the address of the institution."

_LOST_READ = "Nothing was changed in Alma. The request can be repeated."
_LOST_WRITE = "Check in Alma whether the request took effect before you send it again."


def for_codes(codes: Iterable[str]) -> str:
    """Return the advice for the first of *codes* that has one, else empty text."""
    return next((_FOR_CODE[code] for code in codes if code in _FOR_CODE), "")


def for_status(status: int, *, is_page: bool) -> str:
    """Return the advice about an HTTP *status* without Alma's codes; *is_page*: with a web page."""
    if is_page:
        return WRONG_HOST
    if status in (401, 403):
        return KEY
    return WRONG_PATH if status == 404 else ""


def for_lost(is_write: bool) -> str:
    """Return the advice about a lost response."""
    return _LOST_WRITE if is_write else _LOST_READ
