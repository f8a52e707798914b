"""`/webhook/<institution>`: the challenge, signatures, and reports that are recorded once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from almaflow.web.security.attempts import BY_ADDRESS
from tests.web.pages import Site, site_in

SECRET = "the secret of the webhook"
SETTINGS: Any = {
    "institutions": {
        "main": {
            "region": "eu",
            "api_key": "env:NO_SUCH_KEY",
            "code": "01ABC_INST",
            "webhook_secret": "env:WEBHOOK_SECRET",
        },
        "law": {"region": "eu", "api_key": "env:NO_SUCH_KEY"},
    },
    "default_institution": "main",
}
INSTANCE = {
    "id": "38205463100009990",
    "name": "Export - 06/11/2024",
    "status": {"value": "COMPLETED_SUCCESS"},
    "end_time": "2024-06-11T18:27:10.961Z",
    "job_info": {"id": "M44", "name": "Export"},
}


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    site = site_in(tmp_path, settings=SETTINGS)
    yield site
    site.store.close()


def body_of(**changes: Any) -> bytes:
    whole = {
        "action": "JOB_END",
        "institution": {"value": "01ABC_INST"},
        "job_instance": INSTANCE,
    }
    return json.dumps(whole | changes).encode()


def send(
    site: Site, body: bytes, secret: str = SECRET, to: str = "main", kind: str | None = None
) -> Any:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    headers = {"x-exl-signature": base64.b64encode(digest).decode()}
    headers |= {} if kind is None else {"content-type": kind}
    return site.client.post(f"/webhook/{to}", content=body, headers=headers)


def recorded(site: Site) -> list[tuple[str, str]]:
    return [(one.instance_id, one.account) for one in site.store.job_ends_after(0)]


def test_the_challenge_comes_back_word_for_word(listener: Site) -> None:
    response = listener.client.get("/webhook/main", params={"challenge": 'a"b <x> é', "more": "1"})
    assert response.status_code == 200
    assert response.json() == {"challenge": 'a"b <x> é'}


def test_a_signed_report_is_recorded_once(listener: Site) -> None:
    answers = [send(listener, body_of()).json() for _ in range(2)]
    assert answers == [{"report": "recorded"}, {"report": "known"}]
    assert recorded(listener) == [("38205463100009990", "01ABC_INST/production")]


@pytest.mark.parametrize(
    "kind",
    [
        *("application/json", "application/json;charset=UTF-8", "application/vnd.a+json", ""),
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
    ],
)
def test_a_report_is_read_whatever_kind_of_text_it_is_said_to_be(listener: Site, kind: str) -> None:
    assert send(listener, body_of(), kind=kind).json() == {"report": "recorded"}


@pytest.mark.parametrize("header", ["", "x", "AAAA", "é"])
def test_a_report_without_its_signature_is_refused_for_good(listener: Site, header: str) -> None:
    response = listener.client.post(
        "/webhook/main", content=body_of(), headers={b"X-Exl-Signature": header.encode("latin-1")}
    )
    assert response.status_code == 401
    assert recorded(listener) == []
    assert "signature" in listener.logged[-1]


def test_strangers_fill_no_log(listener: Site) -> None:
    statuses = {send(listener, body_of(), "another secret").status_code for _ in range(30)}

    assert statuses == {401}
    assert len(listener.logged) == BY_ADDRESS


def test_another_secret_is_refused(listener: Site) -> None:
    assert send(listener, body_of(), "another secret").status_code == 401


def test_the_signature_counts_for_the_bytes_that_came(listener: Site) -> None:
    spaced = json.dumps(json.loads(body_of()), indent=3).encode()
    assert send(listener, spaced).json() == {"report": "recorded"}


def test_other_events_are_ignored(listener: Site) -> None:
    assert send(listener, body_of(action="LOAN")).json() == {"report": "ignored"}
    assert recorded(listener) == []


def test_a_report_of_another_institution_is_refused(listener: Site) -> None:
    assert send(listener, body_of(institution={"value": "01LAW_INST"})).status_code == 409
    assert recorded(listener) == []


@pytest.mark.parametrize("kind", [None, "application/json", "application/xml"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"<a/>", b"\xff"])
def test_what_is_not_a_report_is_refused(listener: Site, body: bytes, kind: str | None) -> None:
    assert send(listener, body, kind=kind).status_code == 400


@pytest.mark.parametrize("name", ["law", "nobody", "a%2Fb", "x" * 5000])
def test_an_institution_without_a_webhook_listens_to_nobody(listener: Site, name: str) -> None:
    assert listener.client.get(f"/webhook/{name}").status_code == 404
    assert listener.client.post(f"/webhook/{name}", content=body_of()).status_code == 404


def test_a_secret_that_is_not_there_is_logged(
    listener: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEBHOOK_SECRET")
    assert send(listener, body_of()).status_code == 404
    assert "WEBHOOK_SECRET" in listener.logged[-1]


def test_a_large_report_is_refused(listener: Site) -> None:
    assert send(listener, body_of(more="x" * 2_000_000)).status_code == 413


def test_a_page_elsewhere_cannot_send_a_report(listener: Site) -> None:
    response = listener.client.post(
        "/webhook/main", content=body_of(), headers={"origin": "https://elsewhere.example"}
    )
    assert response.status_code == 403
