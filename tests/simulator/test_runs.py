"""The life of runs, what they do to the library, and Alma's limits on starting them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.world import World, parameters_body


def statuses_of(world: World, run: str, *, step: float, most: int = 200) -> list[str]:
    """Return the different statuses that a run shows, in order."""
    seen: list[str] = []
    for _ in range(most):
        status = world.status(run)
        if not seen or seen[-1] != status:
            seen.append(status)
        if "end_time" in world.run(run) and status != "FINALIZING":
            break
        world.wait(seconds=step)
    return seen


# --- the life of a run ----------------------------------------------------------------------------


def test_a_run_passes_through_its_phases_in_order() -> None:
    world = World({"jobs": [{"job": "M48", "duration": "1h"}]})
    seen: list[list[str]] = []
    for _ in range(5):
        run = world.submit("M48", set_id=world.new_set(f"set {len(seen)}", members=1))
        seen.append(statuses_of(world, run, step=10, most=1000))

    order = [
        "PENDING", "QUEUED", "INITIALIZING", "RUNNING", "FINALIZING", "COMPLETED_SUCCESS",
    ]  # fmt: skip
    assert order in seen
    for statuses in seen:
        assert statuses == [status for status in order if status in statuses]
        assert statuses[-2:] in (["FINALIZING", order[-1]], ["RUNNING", order[-1]])


def test_an_unfinished_run_has_no_end_alerts_or_counters() -> None:
    world = World({"jobs": [{"job": "M48", "duration": "1h"}]})
    run = world.submit("M48", set_id=world.new_set(members=1))
    world.wait(minutes=30)

    shown = world.run(run)

    assert shown["status"] == {"value": "RUNNING", "desc": "Running"}
    assert 45 <= shown["progress"] <= 55
    assert shown["start_time"] >= shown["submit_time"] == "2026-03-02T08:15:00.000Z"
    assert {"end_time", "alert", "counter", "action"}.isdisjoint(shown)
    assert shown["submitted_by"] == {"value": "exl_api", "desc": "API, Ex Libris"}
    assert shown["status_date"] == "2026-03-02Z"
    assert shown["job_info"]["id"] == "M48"


def test_progress_grows_and_the_end_is_told_in_full() -> None:
    world = World()
    run = world.submit("M48", set_id=world.new_set(members=40), job_name="export")
    progress = []
    while "end_time" not in world.run(run):
        progress.append(world.run(run)["progress"])
        world.wait(seconds=5)
    world.wait(minutes=1)

    shown = world.run(run)

    assert progress == sorted(progress)
    assert progress[0] == 0
    assert shown["progress"] == 100
    assert shown["alert"] == [
        {
            "value": "alert_general_success",
            "desc": "The job completed successfully. For more information view the report details.",
        }
    ]
    assert shown["counter"] == [
        {
            "type": {"value": "c.jobs.export.total", "desc": "Total records in the set"},
            "value": "40",
        },
        {"type": {"value": "c.jobs.export.exported", "desc": "Records exported"}, "value": "40"},
        {"type": {"value": "c.jobs.export.failed", "desc": "Records not exported"}, "value": "0"},
    ]


def test_a_finished_run_in_xml() -> None:
    world = World()
    run = world.submit("M48", set_id=world.new_set(members=1))
    world.wait(hours=1)

    root = world.xml("GET", f"/conf/jobs/M48/instances/{run}")

    counter = root.find("counters/counter/type")
    status = root.find("status")
    assert counter is not None
    assert status is not None
    assert (status.text, status.get("desc")) == ("COMPLETED_SUCCESS", "Completed Successfully")
    assert (counter.text, counter.get("desc")) == (
        "c.jobs.export.total",
        "Total records in the set",
    )
    assert root.findtext("alerts/alert") == "alert_general_success"
    assert root.findtext("job_info/id") == "M48"


@pytest.mark.parametrize(
    ("switch", "name"),
    [
        ("modern", "nightly - 2026-03-02 9:15 AM"),
        ("legacy", "nightly - 03/02/2026 09:15"),
        ("plain", "nightly"),
    ],
)
def test_a_runs_name_is_the_job_name_and_the_local_time(switch: str, name: str) -> None:
    world = World({"alma": {"run_names": switch}})

    run = world.submit("M48", set_id=world.new_set(members=1), job_name="nightly")

    assert world.run(run)["name"] == name


def test_job_names_may_be_cut_or_missing() -> None:
    world = World({"alma": {"name_limit": 5, "timezone": "America/Chicago"}})
    set_id = world.new_set(members=1)
    world.wait(hours=10)

    cut = world.submit("M48", set_id=set_id, job_name="long name")
    missing = world.submit("M44", set_id=world.new_set("t", "BIB_MMS"))

    assert world.run(cut)["name"] == "long  - 2026-03-02 12:15 PM"
    assert world.run(missing)["name"] == "Expor - 2026-03-02 12:15 PM"


def test_a_scheduled_run_carries_the_plain_name_of_its_job() -> None:
    world = World()

    run = world.submit(world.job_named("Publishing Platform Job General"))

    assert world.run(run)["name"] == "Publishing Platform Job General Publishing"


def test_phases_can_be_skipped_and_time_can_run_faster() -> None:
    world = World(
        {"alma": {"skip_phases": True, "speed": 60}, "jobs": [{"job": "*", "duration": "1h"}]}
    )
    run = world.submit("M48", set_id=world.new_set(members=1))

    assert world.status(run) == "RUNNING"
    world.wait(seconds=59)
    assert world.status(run) == "RUNNING"
    world.wait(seconds=1)
    assert world.status(run) == "COMPLETED_SUCCESS"


# --- what the scenario says of runs ---------------------------------------------------------------


def outcome(rule: dict[str, Any], **wait: float) -> dict[str, Any]:
    """Return a run of M48 on 100 items as it is shown after some time (default: a day)."""
    world = World({"jobs": [{"job": "M48", **rule}]})
    run = world.submit("M48", set_id=world.new_set(members=100))
    world.wait(**(wait or {"days": 1}))
    shown: dict[str, Any] = world.run(run)
    return shown


def test_a_run_may_stay_pending_for_ever_or_for_a_while() -> None:
    assert outcome({"stays_pending": True})["status"]["value"] == "PENDING"
    late = {"stays_pending": "2h", "duration": "10m"}
    assert outcome(late, hours=2)["status"]["value"] == "PENDING"
    assert outcome(late, hours=2, minutes=10)["status"]["value"] == "COMPLETED_SUCCESS"


def test_a_run_may_never_end() -> None:
    shown = outcome({"never_ends": True})

    assert shown["status"]["value"] == "RUNNING"
    assert "end_time" not in shown


def test_a_run_may_show_statuses_nobody_knows() -> None:
    assert outcome({"running_status": "HALTED", "duration": "4h"}, hours=2)["status"] == {
        "value": "HALTED"
    }
    ended = outcome({"outcomes": "COMPLETED_SOMEHOW"})
    assert ended["status"] == {"value": "COMPLETED_SOMEHOW"}
    assert "end_time" in ended
    assert "alert" not in ended


@pytest.mark.parametrize(
    ("style", "during", "after"),
    [("linear", 49, 100), ("zero", 0, 0), ("overshoot", 49, 101.3), ("stuck", 40, 100)],
)
def test_progress_is_not_to_be_relied_on(style: str, during: int, after: float) -> None:
    rule = {"progress": style, "duration": "10h"}

    assert outcome(rule, hours=5)["progress"] in (during, during + 1 if during == 49 else during)
    assert outcome(rule, hours=10)["progress"] == after


@pytest.mark.parametrize(
    ("status", "counters", "alert"),
    [
        ("COMPLETED_WARNING", ["100", "98", "2"], "alert_general_error"),
        ("COMPLETED_FAILED", ["100", "95", "5"], "alert_general_error"),
        ("FAILED", [], "alert_general_error"),
        ("USER_ABORTED", [], "alert_general_error"),
    ],
)
def test_bad_endings_show_in_counters_and_alerts(
    status: str, counters: list[str], alert: str
) -> None:
    shown = outcome({"outcomes": status})

    assert [line["value"] for line in shown.get("counter", [])] == counters
    assert shown["alert"][0]["value"] == alert
    assert shown["progress"] == (0 if status == "FAILED" else 100)


def test_counters_and_alerts_can_be_told() -> None:
    listed = [{"type": "FTP has failed.", "desc": "", "value": "by hand"}]

    told = outcome({"counters": {"done": "{members}", "left": 0}, "alerts": "alert_x"})
    lines = outcome({"counters": listed})["counter"]
    none = outcome({"counters": {}, "alerts": []})

    assert [(c["type"]["value"], c["value"]) for c in told["counter"]] == [
        ("done", "100"),
        ("left", "0"),
    ]
    assert told["alert"] == [{"value": "alert_x"}]
    assert lines == [{"type": {"value": "FTP has failed.", "desc": ""}, "value": "by hand"}]
    assert {"counter", "alert"}.isdisjoint(none)


def test_counters_may_come_after_the_end() -> None:
    rule = {"duration": "10m", "counter_lag": "20s"}

    assert "counter" not in outcome(rule, minutes=10, seconds=19)
    assert "counter" in outcome(rule, minutes=10, seconds=20)


def test_outcomes_are_used_in_turn_and_rules_by_number() -> None:
    world = World(
        {
            "jobs": [
                {"job": "Export Physical *", "nth": [3], "outcomes": "SYSTEM_ABORTED"},
                {"job": "M48", "outcomes": ["COMPLETED_FAILED", "COMPLETED_SUCCESS"]},
            ],
            "alma": {"running_jobs": 10},
        }
    )
    set_id = world.new_set(members=1)
    runs = [world.submit("M48", set_id=set_id) for _ in range(4)]
    world.wait(hours=1)

    assert [world.status(run) for run in runs] == [
        "COMPLETED_FAILED",
        "COMPLETED_SUCCESS",
        "SYSTEM_ABORTED",
        "COMPLETED_SUCCESS",
    ]


def test_a_submission_may_be_refused_by_the_scenario() -> None:
    rules = [{"job": "M48", "refuse": 60347, "nth": 1}, {"job": "M48", "outcomes": "SKIPPED"}]
    world = World({"jobs": rules})
    body = parameters_body(set_id=world.new_set(members=1))

    refused = world.error("POST", "/conf/jobs/M48?op=run", body)

    assert refused == (400, "60347", "Job overlapps with running job - cannot execute.")
    assert world.alma.submissions() == []
    assert world.ask("POST", "/conf/jobs/M48?op=run", body).status == 200


def test_rules_may_be_meant_for_one_institution() -> None:
    world = World({"jobs": [{"job": "*", "outcomes": "FAILED", "institution": "branch"}]})

    run = world.submit(world.job_named("SIS Export"))
    world.wait(hours=5)

    assert world.status(run) == "COMPLETED_SUCCESS"


# --- effects --------------------------------------------------------------------------------------


def test_identifying_unused_records_makes_the_set_that_the_counter_names() -> None:
    world = World()
    source = world.set_called("New titles of the last month")

    run = world.submit("M58", set_id=source, output_Set_Name="unused")

    assert "unused" not in world.alma.sets()
    world.wait(hours=2)
    assert world.counters(run) == ["unused", "52"]
    assert world.alma.sets()["unused"] == 52
    found = world.get("/conf/sets?q=name~unused")["set"][0]
    assert (found["content"]["value"], found["private"]["value"]) == ("BIB_MMS", "false")
    follow = world.submit("M28", set_id=found["id"])
    world.wait(hours=2)
    assert world.counters(follow) == ["44", "6", "1", "1"]
    assert world.alma.sets()["unused"] == 8


def test_the_made_set_may_be_told_by_counters_or_members() -> None:
    rule = {"job": "M58", "counters": {"set": "found ones", "number": 7}}
    told = World({"jobs": [rule]})
    counted = World({"members": [{"set": "unused*", "count": 400}]})
    for world in (told, counted):
        source = world.set_called("Reserve collection")
        world.submit("M58", set_id=source, output_Set_Name="unused")
        world.wait(hours=2)

    assert told.alma.sets()["found ones"] == 7
    assert counted.alma.sets()["unused"] == 400


def test_a_made_set_whose_name_is_taken_gets_a_date() -> None:
    world = World()
    world.new_set("unused")

    run = world.submit(
        "M58", set_id=world.set_called("Reserve collection"), output_Set_Name="unused"
    )

    world.wait(hours=2)
    name = world.counters(run)[0]
    assert name.startswith("unused - 2026-03-02 ")
    assert world.alma.sets()[name] == 11


def test_deleting_titles_handles_inventory_and_relations_when_told() -> None:
    world = World()
    set_id = world.set_called("New titles of the last month")

    run = world.submit(
        "M28",
        set_id=set_id,
        HANDLE_INVENTORY_BIBS_isSelected="true",
        HANDLE_RELATED_BIBS_isSelected="true",
    )

    world.wait(hours=2)
    assert world.counters(run) == ["303", "0", "9", "0"]
    assert world.alma.sets()["New titles of the last month"] == 9


def test_withdrawn_items_are_gone() -> None:
    world = World()
    set_id = world.new_set(members=100)
    careful = {"do_not_delete_items_with_work_orders_isSelected": "true"}

    run = world.submit("M157", set_id=set_id, **careful)
    world.wait(hours=1)

    assert world.counters(run) == ["98", "2", "0"]
    assert world.alma.sets()["mine"] == 2
    other = world.new_set("other")
    body = {"members": {"member": [{"id": "90000000"}]}}
    path = f"/conf/sets/{other}?op=add_members&id_type=BARCODE"
    assert world.code("POST", path, body) == "60120"


def test_a_run_deletes_nothing_when_it_fails_or_its_set_is_gone() -> None:
    world = World({"jobs": [{"job": "M157", "nth": 1, "outcomes": "FAILED"}]})
    kept, left = world.new_set("kept", members=3), world.new_set("left")
    world.submit("M157", set_id=kept)
    path = f"/conf/sets/{left}?op=add_members&id_type=BARCODE"
    world.json("POST", path, {"members": {"member": [{"id": "B12345"}]}})
    world.submit("M157", set_id=left)
    world.wait(seconds=20)
    world.ask("DELETE", f"/conf/sets/{left}")
    world.wait(hours=1)

    assert world.alma.sets()["kept"] == 3
    assert world.code("GET", f"/conf/sets/{left}") == "60107"


def test_a_set_deleted_before_its_run_begins_fails_the_run() -> None:
    world = World({"jobs": [{"job": "M48", "stays_pending": "1h"}]})
    set_id = world.new_set(members=3)
    run = world.submit("M48", set_id=set_id)

    world.ask("DELETE", f"/conf/sets/{set_id}")

    world.wait(hours=3)
    assert world.status(run) == "FAILED"


def test_a_set_deleted_while_its_run_works_changes_nothing() -> None:
    world = World({"jobs": [{"job": "M48", "duration": "1h"}]})
    set_id = world.new_set(members=3)
    run = world.submit("M48", set_id=set_id)
    world.wait(minutes=30)

    world.ask("DELETE", f"/conf/sets/{set_id}")

    world.wait(hours=1)
    assert world.status(run) == "COMPLETED_SUCCESS"
    assert world.counters(run)[0] == "3"


def test_an_import_reports_records_and_populations() -> None:
    world = World({"jobs": [{"job": "Metadata*", "outcomes": "COMPLETED_WARNING"}]})
    run = world.submit(world.job_named("Metadata Import using profile Vendor"))
    assert "action" not in world.run(run)

    world.wait(hours=1)

    shown = world.run(run)
    assert world.counters(run) == ["340", "334", "93", "6"]
    assert [(a["population"]["value"], a["members"]) for a in shown["action"]] == [
        ("SINGLE_MATCHES", 85),
        ("MULTI_MATCHES", 8),
        ("IMPORTED_RECORDS_NO_MATCH", 241),
        ("NOT_ADDED_LOCKED", 0),
        ("NOT_ADDED_DUPLICATED", 6),
    ]
    assert shown["counter"][0]["type"]["value"] == "TOTAL_RECORDS_IMPORTED"


@pytest.mark.parametrize(
    ("job", "first"),
    [
        ("Publishing Platform Job General", "label.new.records"),
        ("SIS Synchronize", "c.jobs.sis.created"),
        ("ERP export", "c.jobs.erp.processed"),
        ("Export to Bursar", "com.exlibris.external.bursar.report.fines_fees_count"),
        ("Inventory Remote Storage", "c.jobs.remoteStorage.updated"),
        ("Send Requests", None),
    ],
)
def test_scheduled_jobs_report_in_their_own_words(job: str, first: str | None) -> None:
    world = World()
    run = world.submit(world.job_named(job))
    world.wait(hours=3)

    counters = world.run(run).get("counter", [])

    assert [line["type"]["value"] for line in counters][:1] == ([first] if first else [])
    assert all(line["value"].isdecimal() for line in counters)


@pytest.mark.parametrize(
    ("job_id", "content", "parameters", "counters"),
    [
        ("M18", "ITEM", {}, ["5", "5", "0"]),
        ("M906", "USER", {}, ["5", "0"]),
        ("M50216", "BIB_MMS", {"COLLECTION_ID": "1"}, ["5", "5", "0"]),
        ("M50173", "IER", {}, ["5", "0", "0", "5", "0", "0"]),
    ],
)
def test_manual_jobs_count_their_members(
    job_id: str, content: str, parameters: dict[str, str], counters: list[str]
) -> None:
    world = World()
    set_id = world.new_set(content=content, members=5)

    run = world.submit(job_id, set_id=set_id, **parameters)

    world.wait(hours=1)
    assert world.counters(run) == counters


# --- limits ---------------------------------------------------------------------------------------


def test_three_api_started_runs_may_go_on_at_a_time() -> None:
    world = World()
    set_id = world.new_set(members=1)
    for job_id in ("M48", "M18", "M121"):
        world.submit(job_id, set_id=set_id)
    body = parameters_body(set_id=set_id)

    refused = world.error("POST", "/conf/jobs/M27?op=run", body)

    assert refused == (400, "402222", "Execution threshold reached.")
    world.wait(hours=1)
    assert world.ask("POST", "/conf/jobs/M27?op=run", body).status == 200


def test_one_job_may_be_started_five_times_an_hour() -> None:
    world = World({"alma": {"speed": 100}})
    body = parameters_body(set_id=world.new_set(members=1))
    for _ in range(5):
        assert world.ask("POST", "/conf/jobs/M48?op=run", body).status == 200
        world.wait(minutes=5)

    refused = world.error("POST", "/conf/jobs/M48?op=run", body)

    assert refused == (400, "402223", "Execution threshold reached.")
    assert world.ask("POST", "/conf/jobs/M18?op=run", body).status == 200
    world.wait(minutes=35)
    assert world.ask("POST", "/conf/jobs/M48?op=run", body).status == 200


def test_the_limits_and_their_codes_are_switches() -> None:
    switches = {"running_jobs": 1, "starts_per_hour": 1, "running_code": 1, "starts_code": 2}
    world = World({"alma": switches})
    body = parameters_body(set_id=world.new_set(members=1))
    path = "/conf/jobs/M48?op=run"
    world.json("POST", path, body)

    assert world.code("POST", path, body) == "1"
    world.wait(minutes=50)
    assert world.code("POST", path, body) == "2"


@pytest.mark.parametrize(("switch", "status"), [("scheduled", 400), ("never", 200)])
def test_a_scheduled_job_does_not_run_beside_itself(switch: str, status: int) -> None:
    world = World({"alma": {"overlap": switch}})
    job_id = world.job_named("SIS Synchronize")
    world.submit(job_id)

    reply = world.ask("POST", f"/conf/jobs/{job_id}?op=run", {})

    assert reply.status == status
    assert (b"60347" in reply.body) == (status == 400)


def test_runs_of_other_api_users_count_and_those_of_people_do_not() -> None:
    others = [
        {"job": "M44", "at": "0s", "duration": "2h"},
        {"job": "Export URLs", "at": "0s", "duration": "2h"},
        {"job": "a job of another system", "at": "10m", "duration": "2h"},
        {"job": "M18", "at": "0s", "duration": "2h", "by": "mkeller", "name": "by hand"},
    ]
    world = World({"other_runs": others})
    body = parameters_body(set_id=world.new_set(members=1))

    first = world.ask("POST", "/conf/jobs/M48?op=run", body)
    world.wait(minutes=30)
    second = world.error("POST", "/conf/jobs/M48?op=run", body)

    assert first.status == 200
    assert second[1] == "402222"
    by_hand = world.get("/conf/jobs/M18/instances")["job_instance"][0]
    assert (by_hand["name"], by_hand["submitted_by"]["value"]) == ("by hand", "mkeller")


def test_other_runs_come_back_and_are_not_submissions() -> None:
    nightly = {"job": "M44", "at": "02:00", "every": "1d", "by": "System", "outcome": "SKIPPED"}
    world = World({"other_runs": [nightly]})
    world.wait(days=3)

    runs = world.alma.instances("M44", "main")

    assert [f"{run.submitted_at:%d %H:%M}" for run in runs] == ["03 01:00", "04 01:00", "05 01:00"]
    assert runs[0].status(world.now) == "SKIPPED"
    assert world.alma.submissions() == []
