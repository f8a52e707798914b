"""What to do about an error of Alma's, in sentences for people.

Source of the codes: `alma-api.md`, sections 3, 7, 8 and 10.
"""

from __future__ import annotations

from collections.abc import Iterable

from almaflow.alma.errors import Busy

KEY = (
    "Check the API key in the Developer Network: it must be of this institution and environment "
    "(production or sandbox) and allow the area Configuration, read-only for reading, read/write "
    "for jobs and sets; a key may also be limited to certain IP addresses."
)
WRONG_HOST = (
    "This host is not Alma's API, or something stands before it; check `region` or `base_url` of "
    "the institution (an address such as api-eu.hosted.exlibrisgroup.com, not the one that staff "
    "open in the browser)."
)
WRONG_PATH = "Check the path, and `base_url` if the institution has one."

_INSTITUTION = (
    "Ids are those of one institution and never cross to another, nor between the network zone "
    "and its members; look the id up in this one, or check which institution the step uses."
)
_PARAMETERS = (
    'Compare the parameters with "API information" on the last page of the job\'s wizard in Alma.'
)
_NOT_BY_API = "Alma does not let this job be started by API; it can be scheduled in Alma instead."
_MEMBERS = "Check the ids, and that `content` and `id_type` are what these ids are."

_FOR_CODE = {
    "UNAUTHORIZED": KEY,
    "FORBIDDEN": KEY,
    "INVALID_REQUEST": KEY,
    "NOT_FOUND": WRONG_PATH,
    "402215": "A job's id is M, S or O followed by digits.",
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
    "402263": "Set names are unique in an institution; choose another, or say with `if_exists` "
    "what is to become of the set that has it.",
    "402269": "The query's first word must be the set's `content`.",
    "402270": "Build the set in Alma, read it with `almaflow sets show`, and paste its query.",
    "60112": "Only itemized sets have members that can be changed.",
    "60116": _MEMBERS,
    "60120": _MEMBERS,
}

BUSY = {
    Busy.CALLS: "More calls than Alma takes in a second or minute; it can be sent again shortly.",
    Busy.DAY: "The institution's API calls of this day are used up; go on after midnight.",
    Busy.JOBS: "Alma lets 3 jobs run at a time that were started by API, and each be started 5 "
    "times an hour; it can be submitted again later.",
    Busy.OVERLAP: "Another run is in the way of this job; it can be submitted again when that "
    "has ended.",
}

UNREACHABLE = "Nothing was sent. Check the network, a proxy, and the address of the institution."

_LOST_READ = "Nothing was changed; it can be asked again."
_LOST_WRITE = "Look in Alma whether it was done before sending it again."


def for_codes(codes: Iterable[str]) -> str:
    """Return the advice for the first of *codes* that has one, else empty text."""
    return next((_FOR_CODE[code] for code in codes if code in _FOR_CODE), "")


def for_lost(is_write: bool) -> str:
    """Return the advice when no answer came that can be relied on."""
    return _LOST_WRITE if is_write else _LOST_READ
