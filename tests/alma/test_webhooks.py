"""What Alma's webhooks send: signatures over the raw bytes, reports in JSON and XML."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow.alma.value_parsing import UnreadableResponse
from almaflow.alma.webhooks import is_signed, read_report

INSTANCE = {
    "id": "38205463100009990",
    "name": "Export - monthly - 06/11/2024",
    "status": {"value": "COMPLETED_SUCCESS", "desc": "Completed Successfully"},
    "end_time": "2024-06-11T18:27:10.961Z",
    "job_info": {"id": "M44", "name": "Export Bibliographic Records", "link": "/jobs/M0"},
}


def report(**changes: Any) -> bytes:
    whole = {
        "id": INSTANCE["id"],
        "action": "JOB_END",
        "institution": {"value": "01ABC_INST", "desc": "Example"},
        "time": INSTANCE["end_time"],
        "event": None,
        "job_instance": INSTANCE,
    }
    return json.dumps(whole | changes).encode()


def signature(body: bytes, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def test_a_report_names_institution_instance_job_and_status() -> None:
    found = read_report(report())
    assert found is not None
    assert found.institution == "01ABC_INST"
    assert found.instance.id == "38205463100009990"
    assert found.instance.job_id == "M44"
    assert found.instance.status == "COMPLETED_SUCCESS"
    assert found.instance.end_time is not None


@pytest.mark.parametrize("action", ["job_end", "JOB_END", {"value": "JOB_END"}])
def test_the_action_is_read_in_any_case_and_shape(action: Any) -> None:
    assert read_report(report(action=action)) is not None


@pytest.mark.parametrize("action", ["LOAN", "NOTIFICATION", "BIB"])
def test_another_action_is_no_job_end(action: str) -> None:
    assert read_report(report(action=action)) is None


def test_a_report_in_xml_is_read_as_well() -> None:
    body = b"""<webhook><id>12</id><action>JOB_END</action>
        <institution desc="x">01ABC_INST</institution>
        <job_instance><id>12</id><status>COMPLETED_FAILED</status>
        <job_info><id>S7</id><name>Nightly</name></job_info></job_instance></webhook>"""
    found = read_report(body, "application/xml")
    assert found is not None
    assert (found.instance.id, found.instance.job_id) == ("12", "S7")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe",
        b"<html></html>",
        b'{"action": "JOB_END"}',
        b'{"action": "JOB_END", "job_instance": {}}',
        b'<!DOCTYPE a [<!ENTITY b "c">]><webhook><action>JOB_END</action></webhook>',
    ],
)
def test_what_is_not_a_report_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableResponse):
        read_report(body)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_report_or_refused(body: bytes) -> None:
    with suppress(UnreadableResponse):
        read_report(body)


def test_the_signature_is_over_the_bytes_as_they_came() -> None:
    body = report()
    signed = signature(body, "s3cret")
    assert is_signed(body, signed, "s3cret")
    assert is_signed(body, f" {signed}\n", "s3cret")
    assert not is_signed(json.dumps(json.loads(body), indent=1).encode(), signed, "s3cret")
    assert not is_signed(body, signed, "other")


@given(st.binary(max_size=50), st.text(max_size=60))
def test_no_made_up_signature_is_accepted(body: bytes, text: str) -> None:
    assert not is_signed(body, text, "a secret of the webhook")
