"""Alma's webhooks: the challenge, the signature, and the report that a job has ended.

Source: `alma-api.md`, section 12.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from almaflow.alma import value_parsing as parse
from almaflow.alma.response_body import read_body
from almaflow.alma.value_parsing import UnreadableResponse
from almaflow.alma.wire import JobInstance
from almaflow.late_dataclasses import dataclass

SIGNATURE = "X-Exl-Signature"
"""The header with the base64 text of the body's HMAC-SHA256."""

_JOB_END = "job_end"


@dataclass(frozen=True)
class JobEndReport:
    """What a webhook says about an instance that has ended."""

    institution: str
    """Alma's code of the institution; empty when the report has none."""
    instance: JobInstance


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether *signature* is that of *body*, byte by byte as it came, with *secret*."""
    try:
        given = base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, hmac.digest(secret.encode(), body, hashlib.sha256))


def read_report(body: bytes, content_type: str = "") -> JobEndReport | None:
    """Return the report of a job's end, in JSON or XML; None: it reports something else.

    Raises:
        UnreadableResponse: the body is not a report.
    """
    data = parse.fields(read_body(body, content_type).data, "a report of a webhook")
    action = parse.code(data.get("action"))
    if not action:
        raise UnreadableResponse("the body is not a report of a webhook: it has no action")
    if action.casefold() != _JOB_END:
        return None
    return JobEndReport(
        parse.code(data.get("institution")), JobInstance.read(data.get("job_instance"))
    )
