"""What the simulated Alma sends to a webhook: `JOB_END`, its signature and the challenge."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from almaflow.alma.simulator.alma import SimulatedAlma
from almaflow.alma.simulator.call import iso
from almaflow.alma.simulator.runs import Instance
from almaflow.alma.simulator.webhook_exchange import ListenerRequest
from almaflow.alma.simulator.wire import render

# Objects of other events, which older Alma showed as null.
_NULLS = ("event", "bib", "holding", "item", "portfolio", "representation")


def challenge_request(url: str, text: str) -> ListenerRequest:
    """Return the request, unsigned, that a listener answers with *text* (alma-api.md 12.2)."""
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, f"challenge={quote(text)}")))
    return ListenerRequest("GET", urlunsplit(parts._replace(query=query)), {"accept": "*/*"})


def is_answer(body: bytes, text: str) -> bool:
    """Whether *body* answers the challenge *text*, as JSON or as it is."""
    try:
        plain = body.decode().strip()
        if plain == text:
            return True
        data = json.loads(plain)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get("challenge") == text


def job_end(alma: SimulatedAlma, institution: str, run: Instance) -> bytes:
    """Return the body of the event (alma-api.md 12.4)."""
    one = alma.institution(institution)
    data: dict[str, Any] = {
        "id": run.id,
        "action": "JOB_END",
        "institution": {"value": one.code, "desc": one.name},
        "time": iso(run.timeline.ended_at),
        "job_instance": alma.instance_object(institution, run),
    }
    if one.switches.nulls == "legacy":
        # Of those years too: a link whose job id is none.
        link = f"/almaws/v1/conf/jobs/M0/instances/{run.id}"
        data |= {**dict.fromkeys(_NULLS), "job_instance": {**data["job_instance"], "link": link}}
    return render("webhook", data, as_json=True)[1]


def event_request(url: str, body: bytes, secret: bytes) -> ListenerRequest:
    """Return the request that brings an event, signed if there is a *secret* (alma-api.md 12.3)."""
    headers = {"content-type": "application/json;charset=UTF-8", "accept": "*/*"}
    if secret:
        digest = hmac.new(secret, body, hashlib.sha256).digest()
        headers["x-exl-signature"] = base64.b64encode(digest).decode()
    return ListenerRequest("POST", url, headers, body)
