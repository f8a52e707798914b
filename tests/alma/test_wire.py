from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from almaflow.alma import value_parsing
from almaflow.alma.job_status import KNOWN_STATUSES, TERMINAL_STATUSES, is_terminal
from almaflow.alma.value_parsing import UnreadableResponse
from almaflow.alma.wire import (
    Alert,
    AlmaSet,
    Counter,
    General,
    ImportProfile,
    IntegrationProfile,
    Job,
    JobInstance,
    JobParameter,
    Member,
    Page,
)

FINISHED: dict[str, Any] = {
    "id": "38205463100009990",
    "external_id": "38205728880009990",
    "name": "Publishing Platform Job Incremental Publishing",
    "progress": 101.3,
    "status": {"value": "COMPLETED_FAILED", "desc": "Completed with Errors"},
    "submitted_by": {"value": "System"},
    "submit_time": "2024-06-11T17:00:11.594Z",
    "start_time": "2024-06-11T17:20:13Z",
    "end_time": "2024-06-11T18:27:10.961Z",
    "status_date": "2024-06-11Z",
    "alert": [{"value": "alert_general_error", "desc": "The job completed with errors."}],
    "counter": [
        {"type": {"value": "label.new.records", "desc": "New Records"}, "value": "66"},
        {"type": {"value": "FTP has failed.", "desc": ""}, "value": "Download the zip file."},
    ],
    "job_info": {"id": "S32986800410009990", "name": "Publishing", "link": "/x/jobs/S3"},
    "link": "/almaws/v1/conf/jobs/M0/instances/38205463100009990",
    "something_new": {"deep": [1]},
}


def test_a_finished_instance_is_read_with_report_and_times() -> None:
    instance = JobInstance.read(FINISHED)

    assert instance.id == "38205463100009990"
    assert instance.status == "COMPLETED_FAILED"
    assert instance.status_label == "Completed with Errors"
    assert instance.submitted_by == "System"
    assert instance.submit_time == datetime(2024, 6, 11, 17, 0, 11, 594000, UTC)
    assert instance.start_time == datetime(2024, 6, 11, 17, 20, 13, tzinfo=UTC)
    assert instance.progress == 101.3
    assert instance.alerts == (Alert("alert_general_error", "The job completed with errors."),)
    assert instance.counters == (
        Counter("label.new.records", "New Records", "66"),
        Counter("FTP has failed.", "FTP has failed.", "Download the zip file."),
    )


def test_the_job_of_an_instance_is_never_taken_from_its_link() -> None:
    assert JobInstance.read(FINISHED).job_id == "S32986800410009990"


@pytest.mark.parametrize("value", [None, [], {}, "", "x", 3])
def test_any_field_of_an_instance_may_have_a_form_we_do_not_know(value: Any) -> None:
    data = dict.fromkeys(FINISHED, value) | {"id": "1"}

    instance = JobInstance.read(data)

    assert instance.id == "1"
    assert instance.end_time is None


def test_an_instance_of_which_alma_says_nothing_but_its_id_is_read() -> None:
    assert JobInstance.read({"id": 38205463100009990}) == JobInstance(id="38205463100009990")


@pytest.mark.parametrize("data", [None, [], "text", {}, {"id": None}, {"id": " "}])
def test_what_has_no_id_is_no_instance(data: Any) -> None:
    with pytest.raises(UnreadableResponse, match="not a job instance"):
        JobInstance.read(data)


def test_a_job_is_read_with_its_profile_and_parameters() -> None:
    job = Job.read(
        {
            "id": "S1",
            "name": "Publishing",
            "type": {"value": "SCHEDULED", "desc": "Scheduled"},
            "related_profile": {"value": "14", "link": "https://x"},
            "next_run": "2024-06-11T17:00:11Z",
            "parameter": [{"name": {"value": "a"}, "value": None}, "odd"],
        }
    )

    assert (job.type, job.profile_id) == ("SCHEDULED", "14")
    assert job.next_run_at == datetime(2024, 6, 11, 17, 0, 11, tzinfo=UTC)
    assert job.parameters == (JobParameter("a", ""),)


def test_a_set_is_read_with_its_member_count_as_number_or_text() -> None:
    data = {
        "id": "5",
        "name": "n",
        "private": {"value": "false"},
        "created_date": "2024-06-11Z",
        "number_of_members": {"value": 12, "link": "x"},
    }

    assert AlmaSet.read(data).member_count == 12
    assert AlmaSet.read(data | {"number_of_members": {"value": "12"}}).member_count == 12
    assert AlmaSet.read(data | {"number_of_members": None}).member_count is None
    assert AlmaSet.read(data).private is False
    assert AlmaSet.read(data).created_at == datetime(2024, 6, 11, tzinfo=UTC)


def test_the_smaller_shapes_are_read() -> None:
    profile = {"id": 1, "code": "C", "name": "N", "type": {"value": "PAYMENT"}}
    importing = {"id": "2", "job_id": {"value": "S2", "link": "x"}, "active": True}
    general = {"institution": {"value": "01A", "desc": "A"}, "environment_type": "Sandbox"}

    assert IntegrationProfile.read(profile) == IntegrationProfile("1", "C", "N", "PAYMENT")
    assert ImportProfile.read(importing).job_id == "S2"
    assert ImportProfile.read(importing).active is True
    assert General.read(general) == General("01A", "A", "", "sandbox")
    assert Member.read({"id": "7", "description": "39031"}) == Member("7", "39031")


def test_an_empty_list_has_no_list_key() -> None:
    assert Page.read({"total_record_count": 0}, "job", Job.read) == Page((), 0)
    assert Page.read({"job": None, "total_record_count": "0"}, "job", Job.read) == Page((), 0)


def test_a_single_object_where_a_list_is_expected_is_a_list_of_one() -> None:
    page = Page.read({"job": {"id": "M1"}}, "job", Job.read)

    assert page == Page((Job("M1"),), None)


@pytest.mark.parametrize("data", [None, [], {}, {"other": 1}])
def test_what_is_no_list_is_refused(data: Any) -> None:
    with pytest.raises(UnreadableResponse):
        Page.read(data, "job", Job.read)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("2025-10-05T09:11:32.592Z", datetime(2025, 10, 5, 9, 11, 32, 592000, UTC)),
        ("2025-10-05T09:11:32Z", datetime(2025, 10, 5, 9, 11, 32, tzinfo=UTC)),
        ("2025-10-05T11:11:32+02:00", datetime(2025, 10, 5, 9, 11, 32, tzinfo=UTC)),
        ("2025-10-05T09:11:32", datetime(2025, 10, 5, 9, 11, 32, tzinfo=UTC)),
        ("2024-06-11Z", datetime(2024, 6, 11, tzinfo=UTC)),
        ("2024-06-11", datetime(2024, 6, 11, tzinfo=UTC)),
        ("yesterday", None),
        (None, None),
    ],
)
def test_instants_come_in_several_forms(written: Any, found: datetime | None) -> None:
    assert value_parsing.instant(written) == found


def test_numbers_may_be_text_but_not_words() -> None:
    assert value_parsing.number("101.3") == 101.3
    assert value_parsing.number({"value": 5}) == 5
    assert value_parsing.number("nan") is None
    assert value_parsing.number("many") is None
    assert value_parsing.text(True) == "true"
    assert value_parsing.text(False) == "false"


def test_names_are_compared_composed_and_with_their_escapes_read() -> None:
    assert value_parsing.normal_name("cafe\u0301 ") == "café"
    assert value_parsing.normal_name("caf\\u00e9") == "café"


@pytest.mark.parametrize("code", sorted(KNOWN_STATUSES))
@pytest.mark.parametrize("ended", [None, datetime(2026, 1, 1, tzinfo=UTC)])
def test_a_known_status_alone_decides_whether_a_run_is_over(
    code: str, ended: datetime | None
) -> None:
    instance = JobInstance("1", status=code, end_time=ended, progress=100)

    assert is_terminal(instance) is (code in TERMINAL_STATUSES)


@pytest.mark.parametrize("code", ["", "COMPLETED_SOMEHOW"])
def test_a_status_we_do_not_know_is_over_once_it_has_an_end_time(code: str) -> None:
    assert not is_terminal(JobInstance("1", status=code, progress=100))
    assert is_terminal(JobInstance("1", status=code, end_time=datetime(2026, 1, 1, tzinfo=UTC)))
