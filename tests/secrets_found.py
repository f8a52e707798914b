"""Searching what almaflow leaves behind for secrets, in every form in which they may stand there.

Written without `almaflow.redaction`, whose work it checks.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus


def forms_of(secret: str) -> set[bytes]:
    """Return the forms in which a secret may stand in a text: as it is, JSON, URL, HTML, base64."""
    texts = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        html.escape(secret),
    }
    # What is JSON once more, as a text inside a record.
    texts |= {json.dumps(one)[1:-1] for one in texts}
    raw = secret.encode()
    # Inside something longer base64 begins anywhere in a group of three bytes.
    whole = [base64.b64encode(bytes(ahead) + raw) for ahead in range(3)]
    inner = {one[4 if ahead else 0 : -4] for ahead, one in enumerate(whole)}
    inner |= {one.replace(b"+", b"-").replace(b"/", b"_") for one in inner}
    return {one.encode() for one in texts} | inner


def secrets_found(secrets: Mapping[str, str], texts: Iterable[str | bytes]) -> list[str]:
    """Return the names of the secrets that stand somewhere in *texts*."""
    data = [one.encode() if isinstance(one, str) else one for one in texts]
    return [
        name
        for name, secret in secrets.items()
        if any(form in one for form in forms_of(secret) for one in data)
    ]
