"""Faults on demand: which calls they strike, and what the caller sees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from almaflow.alma.simulator import Reply, WireFault
from tests.simulator.world import START, World, error_of, parameters_body


def submit(world: World) -> Reply:
    body = parameters_body(set_id=world.set_called("Conservation items"))
    return world.ask("POST", "/conf/jobs/M48?op=run", body)


def with_fault(**fault: Any) -> World:
    return World({"faults": [fault]})


@pytest.mark.parametrize(
    ("kind", "wire", "processed"),
    [
        ("lose_answer", WireFault.DROP_AFTER, True),
        ("reset", WireFault.RESET_BEFORE, False),
        ("hang", WireFault.HANG, True),
        ("truncated", WireFault.TRUNCATE, True),
        ("drip", WireFault.DRIP, True),
        ("close", WireFault.CLOSE, True),
        ("reset_after", WireFault.RESET_AFTER, True),
    ],
)
def test_some_faults_happen_on_the_wire(kind: str, wire: WireFault, processed: bool) -> None:
    world = with_fault(kind=kind, call="submit", nth=1)

    reply = submit(world)

    assert reply.fault is wire
    assert len(world.alma.submissions()) == processed
    assert world.alma.received("submit")[0].processed is processed
    assert submit(world).fault is None


def test_whether_alma_does_the_work_can_be_told() -> None:
    world = with_fault(kind="hang", call="submit", processed=False)

    assert submit(world).fault is WireFault.HANG
    assert world.alma.submissions() == []


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "status"}, 500, "INTERNAL_SERVER_ERROR"),
        ({"kind": "status", "status": 429}, 429, "PER_SECOND_THRESHOLD"),
        ({"kind": "status", "status": 429, "code": "DAILY_THRESHOLD"}, 429, "DAILY_THRESHOLD"),
        ({"kind": "status", "status": 400, "code": 402224}, 400, "402224"),
        ({"kind": "status", "status": 503, "code": "X"}, 503, "X"),
        ({"kind": "routing_error"}, 500, "ROUTING_ERROR"),
        ({"kind": "routing_error", "status": 400}, 400, "ROUTING_ERROR"),
        ({"kind": "error_list_in_200"}, 200, "402119"),
    ],
)
def test_some_faults_are_errors_of_alma(fault: dict[str, Any], status: int, code: str) -> None:
    reply = submit(with_fault(call="submit", **fault))

    assert reply.status == status
    assert error_of(reply)[0] == code


def test_a_status_may_hide_work_that_was_done() -> None:
    lost = with_fault(kind="status", call="submit", processed=True, message="Sorry.")
    refused = with_fault(kind="status", call="submit")

    assert error_of(submit(lost)) == ("INTERNAL_SERVER_ERROR", "Sorry.")
    submit(refused)
    assert len(lost.alma.submissions()) == 1
    assert refused.alma.submissions() == []


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxys_errors_are_pages(status: int) -> None:
    reply = submit(with_fault(kind="status", status=status))

    assert reply.status == status
    assert reply.headers["content-type"] == "text/html;charset=UTF-8"
    assert "x-exl-api-remaining" not in reply.headers
    assert reply.body.startswith(b"<!doctype html>")


def test_a_wrong_host_shows_a_page_whatever_the_key() -> None:
    world = with_fault(kind="html", status=401)

    reply = world.ask("GET", "/conf/test", key="wrong")

    assert reply.status == 401
    assert "HTTP Status 401 – Unauthorized".encode() in reply.body


def test_bodies_may_be_garbage_or_nothing() -> None:
    garbage = submit(with_fault(kind="garbage"))
    empty = submit(with_fault(kind="empty"))
    page = submit(with_fault(kind="html"))

    assert garbage.status == empty.status == page.status == 200
    with pytest.raises(ValueError, match=r"decode|Expecting"):
        json.loads(garbage.body)
    assert empty.body == b""
    assert b"Alma is being maintained" in page.body


def test_an_answer_may_be_slow() -> None:
    slow = submit(with_fault(kind="slow", delay="90s"))
    dripping = submit(with_fault(kind="drip"))

    assert (slow.status, slow.delay, slow.fault) == (200, 90.0, None)
    assert dripping.delay == 30.0


def test_a_slow_answer_that_is_not_processed_is_an_error() -> None:
    reply = submit(with_fault(kind="slow", processed=False))

    assert reply.status == 500


def test_instances_may_show_a_status_nobody_knows() -> None:
    world = World()
    world.fault("unknown_status_code", call="get_instance", nth=[1, 3], code="ON_ICE")
    world.fault("unknown_status_code", call="list_instances")
    submit(world)
    run = world.alma.submissions()[0].instance_id

    seen = [world.status(run) for _ in range(3)]

    assert seen == ["ON_ICE", "PENDING", "ON_ICE"]
    listed = world.get("/conf/jobs/M48/instances")["job_instance"][0]
    assert listed["status"] == {"value": "ON_HOLD"}


# --- which calls ----------------------------------------------------------------------------------


def test_a_fault_strikes_the_calls_that_it_names() -> None:
    world = World()
    set_id = world.new_set()
    world.fault("status", call="add_members")
    world.fault("status", call="delete_set", status=502)
    body = {"members": {"member": [{"id": "B12345"}]}}
    path = f"/conf/sets/{set_id}?id_type=BARCODE&op="

    assert world.ask("POST", f"{path}add_members", body).status == 500
    assert world.ask("POST", f"{path}replace_members", body).status == 200
    assert world.ask("DELETE", f"/conf/sets/{set_id}").status == 502
    assert world.ask("GET", f"/conf/sets/{set_id}").status == 200


@pytest.mark.parametrize(
    ("call", "read", "write"),
    [("any", 500, 500), ("read", 500, 200), ("write", 200, 500), ("test", 500, 500)],
)
def test_calls_can_be_named_in_groups(call: str, read: int, write: int) -> None:
    world = with_fault(kind="status", call=call)

    assert world.ask("GET", "/conf/test").status == read
    assert world.ask("POST", "/conf/test").status == write


def test_a_fault_can_be_narrowed_to_a_path_and_an_institution() -> None:
    world = World()
    other = world.alma.add_institution("branch")
    world.fault("status", path="*/jobs/M4?*")
    world.fault("status", call="test", institution="branch")

    assert world.ask("GET", "/conf/jobs/M44").status == 500
    assert world.ask("GET", "/conf/jobs/M18").status == 200
    assert world.ask("GET", "/conf/test").status == 200
    assert world.ask("GET", "/conf/test", key=other).status == 500


def test_each_fault_counts_the_calls_that_it_could_strike() -> None:
    world = World(
        {
            "faults": [
                {"kind": "status", "call": "test", "nth": [2, 3]},
                {"kind": "status", "call": "test", "nth": 3, "status": 502},
                {"kind": "status", "call": "test", "nth": 4, "status": 504},
            ]
        }
    )

    assert [world.ask("GET", "/conf/test").status for _ in range(5)] == [200, 500, 500, 504, 200]


# --- when -----------------------------------------------------------------------------------------


def statuses(world: World, *minutes: float) -> list[int]:
    """Return what a call meets at so many minutes after the start (08:15 UTC, 09:15 local)."""
    found = []
    for minute in minutes:
        world.now = START
        world.wait(minutes=minute)
        found.append(world.ask("GET", "/conf/test").status)
    return found


def test_a_window_opens_at_a_local_time_every_day() -> None:
    world = with_fault(kind="status", status=503, **{"from": "09:30", "for": "10m"})

    assert statuses(world, 0, 14, 15, 24, 25) == [200, 200, 503, 503, 200]
    assert statuses(world, 24 * 60 + 15, 24 * 60 + 25) == [503, 200]


def test_a_window_may_have_opened_before_the_start() -> None:
    world = with_fault(kind="status", **{"from": "09:10", "for": "10m"})

    assert statuses(world, 0, 4, 5) == [500, 500, 200]


def test_a_time_without_length_is_a_beginning() -> None:
    world = with_fault(kind="status", **{"from": "02:00"})

    assert statuses(world, 0, 16 * 60, 17 * 60, 48 * 60) == [200, 200, 500, 500]


@pytest.mark.parametrize("begin", ["1h", "2026-03-02T09:15:00Z", "2026-03-02T10:15:00"])
def test_a_window_may_open_after_a_while_or_at_an_instant(begin: str) -> None:
    world = with_fault(kind="status", **{"from": begin, "for": "30m"})

    assert statuses(world, 59, 60, 89, 90) == [200, 500, 500, 200]


def test_a_length_alone_counts_from_the_start() -> None:
    assert statuses(with_fault(kind="status", **{"for": "5m"}), 0, 4, 5) == [500, 500, 200]


def test_a_number_within_a_window_counts_its_calls_only() -> None:
    world = with_fault(kind="status", nth=2, **{"from": "10m", "for": "10m"})

    assert statuses(world, 0, 1, 11, 12, 13) == [200, 200, 200, 500, 200]


def count_of(world: World, set_id: str) -> int:
    shown = json.loads(world.ask("GET", f"/conf/sets/{set_id}").body)
    return int(shown["number_of_members"]["value"])


def add_member(world: World, set_id: str, barcode: str) -> int:
    body = {"members": {"member": [{"id": barcode}]}}
    path = f"/conf/sets/{set_id}?op=add_members&id_type=BARCODE"
    reply = world.ask("POST", path, body)
    assert reply.status == 200
    return int(json.loads(reply.body)["number_of_members"]["value"])


@pytest.mark.parametrize(
    "scenario",
    [
        {"alma": {"count_lag": "4s"}},
        {"faults": [{"kind": "late_count", "call": "add_members", "nth": 2, "delay": "4s"}]},
    ],
    ids=["always", "once"],
)
def test_the_number_of_members_may_show_a_change_late(scenario: dict[str, Any]) -> None:
    world = World(scenario)
    set_id = world.new_set(members=2)
    world.wait(seconds=5)
    before = count_of(world, set_id)

    told = add_member(world, set_id, "39031000000011")
    world.wait(seconds=3)
    shown = count_of(world, set_id)
    world.wait(seconds=1)

    assert (told, shown, count_of(world, set_id)) == (before, before, before + 1)


@pytest.mark.parametrize("kind", ["reset", "lose_answer"])
def test_another_api_user_may_start_the_same_job_under_the_same_name(kind: str) -> None:
    world = with_fault(kind=kind, call="submit", another_run=True, nth=1)
    set_id = world.set_called("Conservation items")
    body = parameters_body(set_id=set_id, job_name="Weekly [ours]")

    world.ask("POST", "/conf/jobs/M48?op=run", body)

    runs = [run for run in world.alma.instances("M48") if run.submitted_at == START]
    ours = {one.instance_id for one in world.alma.submissions()}
    (theirs,) = [run for run in runs if run.id not in ours]
    assert theirs.name.startswith("Weekly - ")
    assert theirs.submitted_by == "exl_api"
    assert len(ours) == (1 if kind == "lose_answer" else 0)
