from __future__ import annotations

from typing import Any

import pytest

from almaflow.alma.calls import submit_job
from almaflow.alma.response_body import BodyFormat, read_body
from almaflow.alma.wire import AlmaSet, Job, JobInstance, JobParameter, Page

JSON, XML = "application/json;charset=UTF-8", "application/xml"


def data(text: str | bytes, content_type: str = XML) -> Any:
    body = read_body(text if isinstance(text, bytes) else text.encode(), content_type)
    assert body.shape is BodyFormat.DATA, body
    return body.data


@pytest.mark.parametrize("content_type", [JSON, XML, "text/html", ""])
def test_the_first_character_decides_what_a_body_is(content_type: str) -> None:
    assert data('\ufeff {"id": "M44"}', content_type) == {"id": "M44"}
    assert data("<job><id>M44</id></job>", content_type) == {"id": "M44"}


def test_an_instance_reads_the_same_from_xml_as_from_json() -> None:
    xml = """<?xml version="1.0"?><job_instance link="https://x/389">
      <id>389</id><name>n</name><progress>40</progress>
      <status desc="Running">RUNNING</status><submitted_by>System</submitted_by>
      <alerts><alert desc="All well">alert_general_success</alert></alerts>
      <counters>
        <counter><type desc="New">label.new</type><value>66</value></counter>
        <counter><type desc="">FTP has failed.</type><value/></counter>
      </counters>
      <actions/>
      <job_info><id>M44</id><type desc="Manual">MANUAL</type></job_info>
    </job_instance>"""
    json = {
        "link": "https://x/389",
        "id": "389",
        "name": "n",
        "progress": 40,
        "status": {"value": "RUNNING", "desc": "Running"},
        "submitted_by": {"value": "System"},
        "alert": [{"value": "alert_general_success", "desc": "All well"}],
        "counter": [
            {"type": {"value": "label.new", "desc": "New"}, "value": "66"},
            {"type": {"value": "FTP has failed.", "desc": ""}, "value": ""},
        ],
        "job_info": {"id": "M44", "type": {"value": "MANUAL", "desc": "Manual"}},
    }

    assert data(xml) == json | {"progress": "40"}
    assert JobInstance.read(data(xml)) == JobInstance.read(json)


def test_lists_of_xml_have_the_singular_key_of_json_and_their_count() -> None:
    listed = (
        '<jobs total_record_count="2"><job link="x"><id>M1</id></job><job><id>M2</id></job></jobs>'
    )

    assert data(listed) == {
        "total_record_count": 2,
        "job": [{"link": "x", "id": "M1"}, {"id": "M2"}],
    }
    assert Page.read(data('<jobs total_record_count="0"/>'), "job", Job.read) == Page((), 0)


def test_a_sets_members_keep_both_levels() -> None:
    members = data(
        '<set><id>80</id><number_of_members link="x">2</number_of_members>'
        '<members total_record_count="2"><member link="y"><id>1</id></member></members></set>'
    )

    assert members["members"] == {
        "total_record_count": 2,
        "member": [{"link": "y", "id": "1"}],
    }
    assert AlmaSet.read(members).member_count == 2


def test_a_submitted_job_reads_from_xml() -> None:
    answer = data(
        "<job><id>M44</id><parameters><parameter><name>a</name><value>1</value></parameter>"
        '</parameters><additional_info link="/x/instances/389">Job no. 389 triggered'
        "</additional_info></job>"
    )

    assert submit_job("M44").read(answer) == "389"
    assert Job.read(answer).parameters == (JobParameter("a", "1"),)


def test_errors_of_xml_are_a_list_whatever_their_namespace() -> None:
    answer = data(
        '<web_service_result xmlns="http://com/exlibris/urm/general/xmlbeans">'
        "<errorsExist>true</errorsExist><errorList><error><errorCode>UNAUTHORIZED</errorCode>"
        "</error></errorList><result/></web_service_result>"
    )

    assert answer["errorList"] == {"error": [{"errorCode": "UNAUTHORIZED"}]}


def test_repeated_nil_and_odd_elements_of_xml_survive() -> None:
    answer = data(
        '<x xmlns:xsi="urn:i"><a>1</a><a>2</a><a>3</a><b xsi:nil="true"/>'
        '<total total_record_count="many"/></x>'
    )

    assert answer == {"a": ["1", "2", "3"], "b": None, "total": {"total_record_count": "many"}}


def test_xml_in_other_encodings_is_read_by_its_declaration() -> None:
    xml = '<?xml version="1.0" encoding="ISO-8859-1"?><test>Ü</test>'.encode("latin-1")

    assert data(xml) == "Ü"


@pytest.mark.parametrize(
    ("content", "content_type", "shape", "said"),
    [
        (b"", JSON, BodyFormat.EMPTY, ""),
        (b" \n", "", BodyFormat.EMPTY, ""),
        (b"<html><title>HTTP Status 401\n &amp; more</title></html>", JSON, BodyFormat.HTML,
         "HTTP Status 401 & more"),
        (b"<!DOCTYPE HTML><p>hello <b>you</b></p>", XML, BodyFormat.HTML, "hello you"),
        (b"<p>one<p>two", "text/html", BodyFormat.HTML, "one two"),
        (b"Service down", "text/html", BodyFormat.HTML, "Service down"),
        (b"Invalid API Key\x07", "text/plain", BodyFormat.TEXT, "Invalid API Key"),
        (b"Invalid API Key", "text/plain; charset=klingon", BodyFormat.TEXT, "Invalid API Key"),
        (b"Schl\xfcssel", "text/plain; charset=latin-1", BodyFormat.TEXT, "Schlüssel"),
        (b"a" * 300, "", BodyFormat.TEXT, "a" * 199 + "…"),
        (b'{"id": ', JSON, BodyFormat.BROKEN, "JSON that cannot be read (Expecting value)"),
        (
            b'{"id": NaN}',
            JSON,
            BodyFormat.BROKEN,
            "JSON that cannot be read (NaN is not valid in JSON)",
        ),
        (b"[" * 100_000, JSON, BodyFormat.BROKEN, "JSON that cannot be read"),
        (b"oops", JSON, BodyFormat.BROKEN, "JSON that cannot be read (Expecting value)"),
        (b"<job><id>M4", XML, BodyFormat.BROKEN, "XML that cannot be read (no element found)"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', XML, BodyFormat.BROKEN, "DOCTYPE"),
        (b"<a>" * 5000, XML, BodyFormat.BROKEN, "deeper than 100 levels"),
        (b"\x00\x01\xff\xfe", "", BodyFormat.TEXT, ""),
    ],
)  # fmt: skip
def test_what_is_no_data_is_survived_and_described(
    content: bytes, content_type: str, shape: BodyFormat, said: str
) -> None:
    body = read_body(content, content_type)

    assert body.shape is shape
    assert said in body.summary
    assert body.data is None


def test_half_characters_of_json_are_replaced_because_nobody_can_store_them() -> None:
    answer = data('{"a\\ud800": ["\\uD83D", "\\ud83d\\ude00", 1]}', JSON)

    assert answer == {"a\ufffd": ["\ufffd", "😀", 1]}
