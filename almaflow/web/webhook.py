"""Where Alma's webhook reports that a job has ended: `/webhook/<institution>`.

Alma signs what it sends with the `webhook_secret` of the institution; nothing else is needed to
come in here. A report is recorded, and answered: Alma waits five seconds. It repeats a report after
a status of 500 or more, and never after another one.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from almaflow.alma.value_parsing import UnreadableResponse
from almaflow.alma.webhooks import SIGNATURE, JobEndReport, is_signed, read_report
from almaflow.errors import RequestWrong
from almaflow.settings import InstitutionConfig
from almaflow.store import NewJobEnd
from almaflow.web.context import Context, WebContext, context_of
from almaflow.web.security.border import Gate

router = APIRouter()

# Characters of a challenge; Alma's have some forty.
_LONGEST_CHALLENGE = 1000


async def _bytes_of(request: Request) -> bytes:
    """Return the body as it came: the signature is over its bytes, whatever they are said to be."""
    return await request.body()


@router.get("/webhook/{institution}")
def challenge(
    institution: str,
    context: Context,
    challenge: Annotated[str, Query(max_length=_LONGEST_CHALLENGE)] = "",
) -> Response:
    """Repeat Alma's challenge, which it sends when the integration profile is activated."""
    if _listening(context, institution) is None:
        return _no_webhook()
    return JSONResponse({"challenge": challenge})


@router.post("/webhook/{institution}")
def report(
    institution: str, request: Request, context: Context, body: Annotated[bytes, Depends(_bytes_of)]
) -> Response:
    """Record that a job has ended, once; other events are of no interest."""
    listening = _listening(context, institution)
    if listening is None:
        return _no_webhook()
    known, secret = listening
    if not is_signed(body, request.headers.get(SIGNATURE, ""), secret):
        why = "its signature is not that of `webhook_secret`"
        return _refuse(request, known.name, HTTPStatus.UNAUTHORIZED, why)
    try:
        found = read_report(body, request.headers.get("content-type", ""))
    except UnreadableResponse as error:
        return _refuse(request, known.name, HTTPStatus.BAD_REQUEST, str(error))
    if found is None:
        return _done("ignored")
    if found.institution and known.code and found.institution != known.code:
        why = f"it is about the institution {found.institution}, not {known.code}"
        return _refuse(request, known.name, HTTPStatus.CONFLICT, why)
    if context.store.add_job_end(_recorded(known, found)):
        context.wake()
        return _done("recorded")
    return _done("known")


def _listening(context: WebContext, institution: str) -> tuple[InstitutionConfig, str] | None:
    """Return an institution that has a webhook, and the secret of that."""
    project = context.project()
    if institution not in project.institutions:
        return None
    known = project.institution(institution)
    try:
        secret = known.webhook_key()
    except RequestWrong as error:
        context.log(f"The webhook of {institution} cannot be used: {error}", level="error")
        return None
    return (known, secret) if secret else None


def _recorded(known: InstitutionConfig, found: JobEndReport) -> NewJobEnd:
    instance = found.instance
    return NewJobEnd(
        account=known.account,
        instance_id=instance.id,
        job_id=instance.job_id,
        job_name=instance.job_name,
        name=instance.name,
        status=instance.status,
        ended_at=instance.end_time,
    )


def _no_webhook() -> Response:
    return JSONResponse(
        {"error": "There is no webhook here. Set `webhook_secret` of the institution."},
        HTTPStatus.NOT_FOUND,
    )


def _refuse(request: Request, name: str, status: HTTPStatus, why: str) -> Response:
    gate: Gate = request.app.state.gate
    # Anyone may send reports, so what is refused is logged as often as failed logins only.
    if not gate.attempts.begin(f"webhook of {name}"):
        text = f"A report of the webhook of {name} was refused: {why}."
        context_of(request).log(text, level="warning")
    return JSONResponse({"error": f"The report was refused: {why}."}, status)


def _done(what: str) -> Response:
    return JSONResponse({"report": what})
