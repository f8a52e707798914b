from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from almaflow.alma import calls
from almaflow.alma.errors import NotInAlma
from almaflow.alma.set_creation import CopyOf, create_set
from almaflow.alma.value_parsing import UnreadableResponse
from almaflow.alma.wire import JobParameter


def test_a_submission_carries_its_parameters_in_order_and_as_alma_wants_them() -> None:
    call = calls.submit_job(
        "M44", [JobParameter("x", "1"), JobParameter("x", ""), JobParameter("set_id", "80")]
    )

    assert (call.method, call.path, call.query) == ("POST", "/conf/jobs/M44", (("op", "run"),))
    assert call.body == {
        "parameter": [
            {"name": {"value": "x"}, "value": "1"},
            {"name": {"value": "x"}, "value": ""},
            {"name": {"value": "set_id"}, "value": "80"},
        ]
    }
    assert call.is_write
    assert call.timeout == 180


def test_a_scheduled_job_is_submitted_with_an_empty_object() -> None:
    assert calls.submit_job("S1").body == {}


@pytest.mark.parametrize(
    "link",
    [
        "https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/jobs/M44/instances/389",
        "/almaws/v1/conf/jobs/M44/instances/389",
        "/almaws/v1/conf/jobs/M44/instances/389/?format=json",
    ],
)
def test_the_new_instance_is_the_last_segment_of_the_link(link: str) -> None:
    answer = {"id": "M44", "additional_info": {"value": "Job no. 1 triggered", "link": link}}

    assert calls.submit_job("M44").read(answer) == "389"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"additional_info": None},
        {"additional_info": {"value": "Job no. 389 triggered on Wed"}},
        {"additional_info": {"link": "https://x/conf/jobs/M44"}},
    ],
)
def test_a_submission_without_a_link_to_the_instance_cannot_be_read(answer: Any) -> None:
    with pytest.raises(UnreadableResponse):
        calls.submit_job("M44").read(answer)


def test_ids_are_percent_encoded_in_paths() -> None:
    assert calls.instance("3/8?x#ü", "M 1").path == (
        "/conf/jobs/M%201/instances/3%2F8%3Fx%23%C3%BC"
    )


@pytest.mark.parametrize("nothing", ["", " ", ".", "..", "\t"])
def test_an_empty_id_never_becomes_another_call(nothing: str) -> None:
    for make in (
        calls.job,
        calls.submit_job,
        calls.instance,
        calls.alma_set,
        calls.delete_set,
        calls.import_profile,
    ):
        with pytest.raises(NotInAlma) as refused:
            make(nothing)
        assert refused.value.noun
        assert refused.value.name == nothing
    with pytest.raises(NotInAlma):
        calls.list_jobs(profile_id=nothing)
    with pytest.raises(NotInAlma):
        create_set("n", "ITEM", origin=CopyOf(nothing))


def test_lists_ask_for_whole_pages() -> None:
    assert calls.list_jobs(type="SCHEDULED", profile_id="14", offset=100).query == (
        ("limit", "100"),
        ("offset", "100"),
        ("type", "SCHEDULED"),
        ("profile_id", "14"),
    )


def test_runs_are_listed_from_a_date_on() -> None:
    call = calls.instances("M44", submitted_from=date(2026, 3, 1))

    assert call.query[2:] == (("submit_date_from", "2026-03-01"),)
    assert call.read({"job_instance": [{"id": 1}], "total_record_count": 1}).items[0].id == "1"


def test_members_are_changed_a_thousand_at_a_time_at_most() -> None:
    call = calls.change_members(
        "80", "add_members", ["1", "2"], id_type="BARCODE", fail_on_invalid_id=False
    )

    assert call.body == {"members": {"member": [{"id": "1"}, {"id": "2"}]}}
    assert dict(call.query) == {
        "op": "add_members",
        "id_type": "BARCODE",
        "fail_on_invalid_id": "false",
    }
    for ids in ([], ["1"] * 1001):
        with pytest.raises(ValueError, match="1 to 1000"):
            calls.change_members("80", "add_members", ids)


def test_reads_get_a_minute_and_sets_ten() -> None:
    assert calls.job("M44").timeout == 60
    assert calls.alma_set("80").timeout == 60
    assert calls.set_members("80").timeout == 600
    assert calls.delete_set("80").timeout == 600


def test_a_deletion_is_a_write_whose_empty_answer_is_fine() -> None:
    call = calls.delete_set("80")

    assert call.is_write
    assert call.what == "DELETE /conf/sets/80"
    call.read(None)


def test_any_path_of_the_documentation_can_be_read() -> None:
    call = calls.get_any("/almaws/v1/conf/sets?limit=5&q=name~a b", {"offset": "10"})

    assert call.path == "/conf/sets"
    assert call.query == (("limit", "5"), ("q", "name~a b"), ("offset", "10"))
    assert call.read({"set": []}) == {"set": []}
    assert calls.get_any("/bibs/a b%2F", [("x", "1")]).path == "/bibs/a%20b%2F"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "conf/jobs",
        "https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/jobs",
        "//evil.example/conf",
        "/conf/../users",
        "/conf/%2E%2e",
        "/conf/jobs#x",
        "/conf\\jobs",
        "/conf/jobs?apikey=l7",
    ],
)
def test_a_path_never_names_a_host_climbs_or_carries_a_key(path: str) -> None:
    with pytest.raises(ValueError, match="`"):
        calls.get_any(path)


def test_the_probe_gives_the_institutions_code_when_alma_tells_it() -> None:
    assert calls.probe().read("GET - OK - institutionCode: 01ABC_INST") == "01ABC_INST"
    assert calls.probe(write=True).read("POST - OK") == ""
    assert calls.probe(write=True).is_write


def test_profiles_and_general_are_read() -> None:
    assert calls.general().read({"environment_type": "production"}).environment == "production"
    listed = {"import_profile": [{"id": "1"}], "total_record_count": 1}
    assert calls.import_profiles().read(listed).total == 1
    assert calls.integration_profiles("code~X").query[2:] == (("q", "code~X"),)
    assert calls.list_sets("name~a").path == "/conf/sets"
    assert calls.words(" a  b c ") == "a_b_c"


def test_the_fingerprint_tells_what_is_sent_and_nothing_else() -> None:
    one = calls.submit_job("M44", [JobParameter("a", "ü")])
    same = calls.submit_job("M44", [JobParameter("a", "ü")]).then(lambda found: {"id": found})
    other = calls.submit_job("M44", [JobParameter("a", "u")])

    assert one.fingerprint() == same.fingerprint()
    assert one.fingerprint() != other.fingerprint()
    assert len(one.fingerprint()) == 64
    assert json.loads(json.dumps(one.rendering())) == one.rendering()


def test_a_call_can_go_on_to_another_result() -> None:
    call = calls.general().then(lambda general: general.environment)

    assert call.read({"environment_type": "sandbox"}) == "sandbox"
