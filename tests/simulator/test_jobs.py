"""The jobs endpoints: listing, submitting, instances and what hangs on them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.world import World, error_of, members_body, parameters_body


def test_jobs_come_in_pages_with_the_number_of_all() -> None:
    world = World()

    first = world.get("/conf/jobs")
    rest = world.get("/conf/jobs?limit=100&offset=10")

    assert len(first["job"]) == 10
    assert first["total_record_count"] == 10 + len(rest["job"]) == len(world.main.jobs)


@pytest.mark.parametrize("query", ["limit=0", "offset=1000"])
def test_an_empty_page_has_no_list(query: str) -> None:
    answer = World().get(f"/conf/jobs?{query}")

    assert list(answer) == ["total_record_count"]


def test_a_limit_above_100_is_cut_or_refused() -> None:
    world = World(
        {"library": {"jobs": [{"id": f"M8{i:03d}", "name": f"Job {i}"} for i in range(60)]}}
    )
    strict = World({"alma": {"over_limit": "refuse"}})

    assert len(world.get("/conf/jobs?limit=500")["job"]) == 100
    assert strict.code("GET", "/conf/jobs?limit=101") == "40166410"


@pytest.mark.parametrize("query", ["limit=ten", "offset=-1", "limit=99999999999", "limit=²"])
def test_a_page_that_is_no_number_is_refused(query: str) -> None:
    assert World().error("GET", f"/conf/jobs?{query}")[:2] == (400, "40166410")


def test_jobs_are_filtered_by_type_category_and_profile() -> None:
    world = World()
    profile = world.get("/conf/integration-profiles?q=code~REMOTE_STORAGE_NORTH")
    profile_id = profile["integration_profile"][0]["id"]

    manual = world.get("/conf/jobs?limit=100&type=MANUAL")["job"]
    exports = world.get("/conf/jobs?limit=100&type=MANUAL&category=EXPORT")["job"]
    stored = world.get(f"/conf/jobs?type=SCHEDULED&profile_id={profile_id}")["job"]
    everything = world.get("/conf/jobs?limit=100&profile_id=")

    assert {job["type"]["value"] for job in manual} == {"MANUAL"}
    assert {"M44", "M47", "M48"} <= {job["id"] for job in exports}
    assert [job["name"] for job in stored] == [
        "Inventory Remote Storage Update North depot",
        "Send Requests to Remote Storage North depot",
    ]
    assert everything["total_record_count"] == len(world.main.jobs)


def test_jobs_of_profiles_run_whatever_other_jobs_their_category_has() -> None:
    world = World()
    [requests] = [
        job
        for job in world.get("/conf/jobs?limit=100&type=SCHEDULED&category=FULFILLMENT")["job"]
        if job["name"] == "Send Requests to Remote Storage North depot"
    ]
    expiring = world.job_named("Requests - Handle Expiration")

    assert world.json("POST", f"/conf/jobs/{requests['id']}?op=run", {})["id"] == requests["id"]
    assert world.code("POST", f"/conf/jobs/{expiring}?op=run", {}) == "402248"


@pytest.mark.parametrize("body", [b"{}", b"null", b"<job/>"])
def test_the_job_of_a_profile_needs_no_parameters(body: bytes) -> None:
    world = World()
    job_id = world.job_named("ERP export")
    kind = "application/xml" if body.startswith(b"<") else "application/json"

    reply = world.ask("POST", f"/conf/jobs/{job_id}?op=run", body, **{"Content-Type": kind})

    assert reply.status == 200


def test_jobs_are_in_alma_s_order_and_names_repeat() -> None:
    names = [job["name"] for job in World().get("/conf/jobs?limit=100&type=MANUAL")["job"]]

    letters = ["".join(filter(str.isalnum, name)).casefold() for name in names]
    assert letters == sorted(letters)
    assert names.index("Cancel physical titles requests") < names.index(
        "Change Holdings Information"
    )
    assert names.count("Change Representation information") == 2


def test_filters_that_alma_does_not_know_are_refused() -> None:
    world = World()

    assert world.error("GET", "/conf/jobs?type=DAILY") == (400, "40166410", "Invalid type.")
    assert world.error("GET", "/conf/jobs?category=X") == (400, "40166410", "Invalid category.")


@pytest.mark.parametrize(
    "code",
    [
        *("EXPORT", "ITEM_MOVE", "RESEARCHERS", "UPDATE_COURSE", "FULLTEXT", "SIS"),
        *("MARC21HOLDING_NORMALIZATION", "DISCOVERY_GENERIC_XML_NORMALIZATION", "OUR_OWN"),
    ],
)
def test_categories_of_alma_s_tables_and_of_the_jobs_are_known(code: str) -> None:
    own = {"id": "M8001", "name": "Our job", "category": "OUR_OWN"}

    found = World({"library": {"jobs": [own]}}).get(f"/conf/jobs?category={code}&limit=100")

    assert {job["category"]["value"] for job in found.get("job", [])} <= {code}


def test_unknown_categories_have_no_jobs_by_switch() -> None:
    world = World({"alma": {"unknown_category": "accept"}})

    assert world.get("/conf/jobs?category=X") == {"total_record_count": 0}


def test_a_list_of_jobs_has_slim_entries_for_manual_jobs_and_whole_scheduled_ones() -> None:
    world = World()

    manual = world.get("/conf/jobs?limit=100&type=MANUAL&category=EXPORT")["job"]
    scheduled = world.get("/conf/jobs?limit=100&type=SCHEDULED&category=ERP")["job"]

    assert {tuple(job) for job in manual} == {("id", "name", "type", "category", "link")}
    assert all({"description", "schedule", "related_profile"} <= set(job) for job in scheduled)
    (shown,) = [job for job in manual if job["id"] == "M44"]
    assert shown.items() < world.get("/conf/jobs/M44").items()


@pytest.mark.parametrize(
    ("job_id", "name", "category"),
    [
        ("M16", "Change Electronic portfolio information", "INFORMATION_UPDATE"),
        ("M45", "Export Context Object To BX", "EXPORT"),
        ("M12889770000541", "Synchronize Bib records with external catalog",
         "MARC21BIB_NORMALIZATION"),
        ("M50129", "Export Handles", "EXPORT"),
        ("M50638", "Download Digital Titles Inventory", "EXPORT"),
        ("M50813", "Download Files", "EXPORT"),
        ("M50645", "Correct Digital file size", "INFORMATION_UPDATE"),
        ("M4", "Associate standalone portfolios", None),
        ("M52", "Export URLs", None),
        ("M53", "Filter set by indication", None),
        ("M100", "Network zone linking task", None),
        ("M121", "Rebuild Physical item description", None),
        ("M126", "Restore MMS record", None),
        ("M130", "Rollback record", None),
        ("M50083", "Move Electronic portfolio information", None),
        ("M50147", "Move Portfolios to another Electronic collection", None),
    ],
)  # fmt: skip
def test_jobs_have_alma_s_labels_and_a_category_where_a_source_names_it(
    job_id: str, name: str, category: str | None
) -> None:
    job = World().get(f"/conf/jobs/{job_id}")

    assert (job["name"], job.get("category", {}).get("value")) == (name, category)


@pytest.mark.parametrize(("job_id", "content"), [("M53", "USER"), ("M16", "PORTFOLIO")])
def test_a_job_whose_content_no_source_names_takes_any_set(job_id: str, content: str) -> None:
    sets = [{"id": "1", "name": "a", "content": content, "members": 5}]
    world = World({"sets": sets})

    assert world.status(world.submit(job_id, set_id="1", job_name="x"))


def test_an_unknown_profile_has_no_jobs_and_a_hint_says_what_to_furnish() -> None:
    reply = World().ask("GET", "/conf/jobs?profile_id=123")

    assert json.loads(reply.body) == {"total_record_count": 0}
    assert reply.headers["x-simulator-hint"] == (
        'library: {integration_profiles: [{id: "123", code: PROFILE_123, type: REMOTE_STORAGE, '
        'jobs: ["Job of PROFILE_123"]}]}'
    )


def test_a_job_is_shown_in_json() -> None:
    assert World().get("/conf/jobs/M44") == {
        "link": "https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/jobs/M44",
        "id": "M44",
        "name": "Export Bibliographic records",
        "description": "Export Bibliographic records",
        "type": {"value": "MANUAL", "desc": "Manual"},
        "category": {"value": "EXPORT", "desc": "Export"},
        "content": {"value": "BIB_MMS", "desc": "All Titles"},
    }


def test_a_scheduled_job_names_its_profile() -> None:
    world = World()

    job = world.get(f"/conf/jobs/{world.job_named('ERP export using profile Finance office')}")

    assert job["schedule"] == {"value": "NOT_SCHEDULED", "desc": "Not scheduled"}
    profile_id = job["related_profile"]["value"]
    assert job["related_profile"]["link"].endswith(f"/conf/integration-profiles/{profile_id}")


def test_jobs_are_shown_in_xml() -> None:
    jobs = World().xml("GET", "/conf/jobs?limit=1&type=MANUAL")

    job = jobs.find("job")
    assert job is not None
    assert jobs.tag == "jobs"
    manual = [one for one in World().main.jobs.values() if one.type == "MANUAL"]
    assert jobs.get("total_record_count") == str(len(manual))
    assert (job.get("link") or "").endswith("/conf/jobs/M51001")
    kind = job.find("type")
    assert kind is not None
    assert (kind.text, kind.get("desc")) == ("MANUAL", "Manual")


def test_job_ids_are_checked() -> None:
    world = World()

    status, code, message = world.error("GET", "/conf/jobs/123456")
    unknown = world.ask("GET", "/conf/jobs/M999")

    assert (status, code) == (400, "402215")
    assert message == (
        "Invalid format for job_id. Value: 123456. "
        "Valid format: Job type prefix (S,M,O) followed by digits"
    )
    assert error_of(unknown) == ("402216", "Invalid job id.")
    assert unknown.headers["x-simulator-hint"] == (
        'library: {jobs: [{id: M999, name: "Job M999"}]}'
    )


# --- submitting -----------------------------------------------------------------------------------


def test_a_submission_echoes_its_parameters_and_names_the_run() -> None:
    world = World()
    set_id = world.new_set(members=2)
    body = parameters_body(xxx="1", set_id=set_id, job_name="nightly")
    body["parameter"].insert(0, {"name": {"value": "xxx"}, "value": True})

    answer = world.json("POST", "/conf/jobs/M48?op=run", body)

    (made,) = world.alma.submissions("main")
    assert answer["parameter"][0] == {"name": {"value": "xxx"}, "value": "true"}
    assert [p["name"]["value"] for p in answer["parameter"]] == ["xxx", "xxx", "set_id", "job_name"]
    assert answer["additional_info"] == {
        "value": f"Job no. {made.instance_id} triggered on Mon, 02 Mar 2026 08:15:00 GMT",
        "link": "https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/jobs/M48/instances/"
        + made.instance_id,
    }
    assert made.parameters[:2] == (("xxx", "true"), ("xxx", "1"))
    assert (made.institution, made.job_id, made.at) == ("main", "M48", world.now)


def test_an_xml_payload_of_the_wizard_is_taken() -> None:
    world = World()
    set_id = world.new_set(members=2)
    payload = f"""<?xml version="1.0"?>
        <job><parameters>
          <parameter><name>task_ExportParams_ftpConfig_string</name><value/></parameter>
          <parameter><name>xxx</name><value>a</value></parameter>
          <parameter><name>xxx</name><value>b</value></parameter>
          <parameter><name>set_id</name><value>{set_id}</value></parameter>
        </parameters></job>"""

    answer = world.xml("POST", "/conf/jobs/M48?op=run", payload)

    (made,) = world.alma.submissions()
    info = answer.find("additional_info")
    assert info is not None
    assert made.parameters == (
        ("task_ExportParams_ftpConfig_string", ""),
        ("xxx", "a"),
        ("xxx", "b"),
        ("set_id", set_id),
    )
    assert (info.get("link") or "").endswith(f"/instances/{made.instance_id}")
    assert [p.findtext("name") for p in answer.iter("parameter")][-1] == "set_id"


def test_an_xml_body_may_be_answered_in_json() -> None:
    world = World()

    answer = world.json(
        "POST", f"/conf/jobs/{world.job_named('Send Requests')}?op=run", "<job></job>"
    )

    assert "parameter" not in answer


def test_the_whole_job_may_be_posted_back() -> None:
    world = World()
    job_id = world.job_named("SIS Synchronize")

    world.json("POST", f"/conf/jobs/{job_id}?op=run", world.get(f"/conf/jobs/{job_id}"))

    assert [made.job_id for made in world.alma.submissions()] == [job_id]


@pytest.mark.parametrize(
    ("query", "code"), [("", "402220"), ("?op=", "402220"), ("?op=stop", "402221")]
)
def test_a_submission_needs_its_operation(query: str, code: str) -> None:
    assert World().error("POST", f"/conf/jobs/M44{query}", {})[:2] == (400, code)


@pytest.mark.parametrize(
    ("job", "code"),
    [
        ("Reindex Deleted Titles", "402249"),
        ("Authorities - Link BIB Headings", "402248"),
        ("Change Physical Items Item Policy and Location", "402231"),
    ],
)
def test_jobs_that_the_api_may_not_start_are_refused(job: str, code: str) -> None:
    world = World()

    assert world.code("POST", f"/conf/jobs/{world.job_named(job)}?op=run", {}) == code


@pytest.mark.parametrize(
    ("job_id", "parameters", "code", "message"),
    [
        ("M44", {}, "402228", "Mandatory parameter is missing from input. set_id"),
        ("M44", {"set_id": ""}, "402229", "Mandatory parameter value is empty. set_id"),
        (
            "M58",
            {"set_id": "1"},
            "402228",
            "Mandatory parameter is missing from input. output_Set_Name",
        ),
    ],
)
def test_mandatory_parameters_are_insisted_on(
    job_id: str, parameters: dict[str, str], code: str, message: str
) -> None:
    body = parameters_body(**parameters)

    assert World().error("POST", f"/conf/jobs/{job_id}?op=run", body) == (400, code, message)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        {"parameter": {"name": {"value": "a"}, "value": "b"}},
        {"parameter": ["a"]},
        {"parameter": [{"name": "set_id", "value": "1"}]},
    ],
)
def test_bodies_that_are_no_job_in_json_are_bad_requests(body: Any) -> None:
    world = World()

    reply = world.ask("POST", "/conf/jobs/M44?op=run", body)

    assert reply.status == 400
    assert error_of(reply)[0] == "BAD_REQUEST"
    assert world.alma.submissions() == []


def test_a_wrong_type_is_refused_with_a_reference_chain() -> None:
    body = {"parameter": [{"name": "set_id", "value": "1"}]}

    message = World().error("POST", "/conf/jobs/M44?op=run", body)[2]

    assert message == (
        "Can not deserialize value out of the given token "
        '(through reference chain: com.exlibris.alma.sdk.JobParameter["name"])'
    )


@pytest.mark.parametrize(
    "body",
    [
        "<job>",
        "no xml",
        '<?xml version="1.0" encoding="nonsense"?><job/>',
        '<!DOCTYPE job [<!ENTITY a "b">]><job>&a;</job>',
        "<job><parameters><parameter>text</parameter></parameters></job>",
        "<a>" * 5000 + "</a>" * 5000,
    ],
)
def test_bodies_that_are_no_job_in_xml_are_bad_requests(body: str) -> None:
    world = World()

    assert world.code("POST", "/conf/jobs/M44?op=run", body) in ("BAD_REQUEST", "402228")
    assert world.alma.submissions() == []


def test_a_doctype_is_refused_by_name() -> None:
    body = "<!DOCTYPE job><job/>"

    message = World().error("POST", "/conf/jobs/M44?op=run", body)[2]

    assert message == "XML parse error: DOCTYPE is disallowed"


def test_an_empty_body_is_refused_or_by_switch_accepted() -> None:
    strict, lenient = World(), World({"alma": {"empty_body": "accept"}})

    path = f"/conf/jobs/{strict.job_named('Send Requests')}?op=run"
    assert strict.code("POST", path) == "BAD_REQUEST"
    path = f"/conf/jobs/{lenient.job_named('Send Requests')}?op=run"
    assert lenient.ask("POST", path).status == 200


def test_a_body_without_content_type_is_known_by_its_first_character() -> None:
    world = World()
    path = f"/conf/jobs/{world.job_named('Send Requests')}?op=run"

    as_json = world.ask("POST", path, b" {}", **{"Content-Type": ""})
    world.wait(hours=2)
    as_xml = world.ask("POST", path, b"\n<job/>", **{"Content-Type": ""})

    assert (as_json.status, as_xml.status) == (200, 200)


# --- the set of a job -----------------------------------------------------------------------------


def test_an_unknown_set_is_refused_with_a_hint() -> None:
    reply = World().ask("POST", "/conf/jobs/M48?op=run", parameters_body(set_id="777"))

    assert error_of(reply) == ("402229", "Mandatory parameter value is empty. set_id: 777")
    assert reply.headers["x-simulator-hint"] == (
        'sets: [{id: "777", name: "Set 777", content: ITEM, members: 25}]'
    )


@pytest.mark.parametrize(
    ("switch", "ending"), [("fail", "FAILED"), ("no_bulks", "COMPLETED_NO_BULKS")]
)
def test_a_job_on_an_unknown_set_may_also_run(switch: str, ending: str) -> None:
    world = World({"alma": {"bad_set": switch}})

    run = world.submit("M48", set_id="777")

    world.wait(hours=1)
    assert world.status(run) == ending
    assert world.counters(run) == []


def test_a_set_of_another_content_is_refused() -> None:
    world = World()
    set_id = world.new_set(content="BIB_MMS", members=1)

    message = world.error("POST", "/conf/jobs/M48?op=run", parameters_body(set_id=set_id))[2]

    assert message == (
        f"Mandatory parameter value is empty. set_id: set {set_id} holds BIB_MMS, "
        "the job runs on ITEM"
    )


@pytest.mark.parametrize(
    ("switch", "ending"), [("fail", "FAILED"), ("ignore", "COMPLETED_SUCCESS")]
)
def test_a_job_on_a_set_of_another_content_may_also_run(switch: str, ending: str) -> None:
    world = World({"alma": {"wrong_content": switch}})

    run = world.submit("M48", set_id=world.new_set(content="BIB_MMS", members=1))

    world.wait(hours=1)
    assert world.status(run) == ending


def test_jobs_on_titles_take_sets_of_any_kind_of_title() -> None:
    world = World()

    world.submit("M44", set_id=world.set_called("All print monographs"))

    assert len(world.alma.submissions()) == 1


@pytest.mark.parametrize(
    ("switch", "ending"), [("no_bulks", "COMPLETED_NO_BULKS"), ("success", "COMPLETED_SUCCESS")]
)
def test_a_job_on_an_empty_set_finds_nothing_to_do(switch: str, ending: str) -> None:
    world = World({"alma": {"empty_set": switch}})

    run = world.submit("M48", set_id=world.new_set())

    world.wait(hours=1)
    assert world.status(run) == ending
    assert world.counters(run) == ([] if switch == "no_bulks" else ["0", "0", "0"])


def test_a_job_on_an_empty_set_may_be_refused() -> None:
    world = World({"alma": {"empty_set": "refuse"}})

    body = parameters_body(set_id=world.new_set())
    assert world.code("POST", "/conf/jobs/M48?op=run", body) == "402229"


# --- instances ------------------------------------------------------------------------------------


def test_instances_come_newest_first_with_filters() -> None:
    world = World()
    set_id = world.new_set(members=1)
    first = world.submit("M48", set_id=set_id)
    world.wait(days=1)
    second = world.submit("M48", set_id=set_id)

    def ids(query: str = "") -> list[str]:
        answer = world.get(f"/conf/jobs/M48/instances{query}")
        return [run["id"] for run in answer.get("job_instance", [])]

    assert ids() == [second, first]
    assert ids("?limit=1") == [second]
    assert ids("?status=COMPLETED_SUCCESS") == [first]
    assert ids("?submit_date_from=2026-03-03") == [second]
    assert ids("?submit_date_to=2026-03-02") == [first]
    assert ids("?submit_date_from=2026-03-02&submit_date_to=2026-03-03Z") == [second, first]


def test_the_order_of_instances_is_a_switch() -> None:
    world = World({"alma": {"newest_first": False}})
    set_id = world.new_set(members=1)
    first = world.submit("M48", set_id=set_id)
    world.wait(minutes=1)
    world.submit("M48", set_id=set_id)

    assert world.get("/conf/jobs/M48/instances")["job_instance"][0]["id"] == first


def test_dates_mean_the_institutions_days_or_by_switch_those_of_utc() -> None:
    local, utc = World(), World({"alma": {"dates_in": "utc"}})
    counts = []
    for world in (local, utc):
        world.wait(hours=15, minutes=30)  # 23:45 UTC, past midnight in Zurich
        world.submit("M48", set_id=world.new_set(members=1))
        answer = world.get("/conf/jobs/M48/instances?submit_date_from=2026-03-03")
        counts.append(answer["total_record_count"])

    assert counts == [1, 0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("submit_date_from=03/02/2026", (400, "402217", "Invalid date format.")),
        ("submit_date_to=2026-02-30", (400, "402217", "Invalid date format.")),
        ("status=DONE", (400, "40166410", "Invalid status.")),
    ],
)
def test_filters_of_instances_are_checked(query: str, expected: tuple[int, str, str]) -> None:
    assert World().error("GET", f"/conf/jobs/M48/instances?{query}") == expected


def test_instances_of_all_jobs_are_listed_by_switch_only() -> None:
    world, lenient = World(), World({"alma": {"list_all": True}})

    assert world.code("GET", "/conf/jobs/ALL/instances") == "402215"
    assert lenient.get("/conf/jobs/ALL/instances?limit=0")["total_record_count"] > 10


def test_a_new_run_may_be_missing_from_the_list_for_a_while() -> None:
    world = World({"alma": {"list_lag": "30s"}})
    run = world.submit("M48", set_id=world.new_set(members=1))

    assert world.get("/conf/jobs/M48/instances") == {"total_record_count": 0}
    assert world.run(run)["id"] == run
    world.wait(seconds=30)
    assert world.get("/conf/jobs/M48/instances")["total_record_count"] == 1


def test_an_instance_is_found_under_its_job_or_all() -> None:
    world = World()
    run = world.submit("M48", set_id=world.new_set(members=1))

    assert world.run(run, "M48") == world.run(run, "ALL")
    assert world.code("GET", f"/conf/jobs/M44/instances/{run}") == "402218"
    assert world.code("GET", "/conf/jobs/ALL/instances/1") == "402218"
    assert world.code("GET", f"/conf/jobs/x/instances/{run}") == "402215"


def test_the_library_has_a_little_history() -> None:
    world = World()

    runs = world.get(f"/conf/jobs/{world.job_named('SIS Synchronize')}/instances")

    assert runs["total_record_count"] == 3
    newest = runs["job_instance"][0]
    assert newest["submitted_by"] == {"value": "System"}
    assert newest["name"] == "SIS Synchronize using profile Student Information System"
    assert newest["status"]["value"] == "COMPLETED_SUCCESS"
    by_person = world.get("/conf/jobs/M18/instances")["job_instance"][0]
    assert by_person["submitted_by"] == {"value": "jdoe", "desc": "jdoe, Staff"}


# --- what hangs on an instance --------------------------------------------------------------------


def test_rejected_users_are_listed_for_user_imports_only() -> None:
    world = World({"jobs": [{"job": "SIS Import*", "outcomes": "COMPLETED_FAILED"}]})
    job_id = world.job_named("SIS Import")
    run = world.submit(job_id)
    world.wait(hours=2)
    rejected = int(world.counters(run)[-1])

    answer = world.get(f"/conf/jobs/{job_id}/instances/{run}/events?limit=2")

    assert answer["total_record_count"] == rejected > 2
    assert [event["event_key"][0]["code"] for event in answer["event"]] == ["PRIMARY_ID"] * 2
    other = world.submit("M48", set_id=world.new_set(members=1))
    assert world.code("GET", f"/conf/jobs/M48/instances/{other}/events") == "60332"


def test_rejected_users_that_are_told_in_words_are_not_listed() -> None:
    counters = {"c.jobs.sis.rejected": "too many"}
    world = World({"jobs": [{"job": "SIS Import*", "counters": counters}]})
    job_id = world.job_named("SIS Import")
    run = world.submit(job_id)
    world.wait(hours=2)

    assert world.get(f"/conf/jobs/{job_id}/instances/{run}/events") == {"total_record_count": 0}


def test_matches_are_listed_for_imports_only() -> None:
    world = World()
    job_id = world.job_named("Metadata Import using profile OCLC")
    run = world.submit(job_id)
    path = f"/conf/jobs/{job_id}/instances/{run}/matches"

    early = world.get(f"{path}?population=MULTI_MATCHES")
    world.wait(hours=2)
    multi = world.get(f"{path}?population=MULTI_MATCHES&limit=100")
    single = world.get(f"{path}?population=SINGLE_MATCHES&limit=1")

    assert early == {"total_record_count": 0}
    assert len(multi["match"]) == multi["total_record_count"] == 1250 // 40
    assert ", " in multi["match"][0]["mms_ids"]
    assert ", " not in single["match"][0]["mms_ids"]
    assert world.error("GET", f"{path}?population=ALL")[2] == "Population value is invalid."
    other = world.submit("M48", set_id=world.new_set(members=1))
    path = f"/conf/jobs/M48/instances/{other}/matches?population=MULTI_MATCHES"
    assert world.code("GET", path) == "402119"


def test_the_records_of_an_import_can_be_downloaded() -> None:
    world = World()
    job_id = world.job_named("Metadata Import using profile E-book")
    run = world.submit(job_id)

    reply = world.ask("GET", f"/conf/jobs/{job_id}/instances/{run}/download")

    assert reply.status == 200
    assert reply.body.count(b"<record>") == 96
    other = world.submit("M48", set_id=world.new_set(members=1))
    assert world.code("GET", f"/conf/jobs/M48/instances/{other}/download") == "402218"


def test_adding_members_does_not_touch_a_run_that_has_begun() -> None:
    world = World()
    set_id = world.new_set(members=2)
    run = world.submit("M48", set_id=set_id)
    world.json(
        "POST", f"/conf/sets/{set_id}?op=add_members&id_type=BARCODE", members_body("B12345")
    )

    world.wait(hours=1)

    assert world.counters(run)[0] == "2"
