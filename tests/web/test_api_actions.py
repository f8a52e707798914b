"""Actions over the JSON API: the same functions, keys against repetition, and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.store import EntryState, NewSchedule, Store
from almaflow.timetable_entries import entries_of
from almaflow.web.security.people import Person, Role
from tests.waits import question
from tests.web.acting import HOSTILE, acting_site, failed, log_of
from tests.web.pages import NOW, Site, site_in

BY = "anna via the API"
BEGUN = {"if": True, "now": NOW.isoformat(), "institution": "main"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = acting_site(tmp_path, monkeypatch)
    yield made
    made.store.close()


def started(site: Site, **inputs: Any) -> str:
    """Queue a run, and return its id."""
    body = {"inputs": {"name": "abc"} | inputs}
    answer = site.client.post("/api/workflows/nightly/runs", json=body)
    assert answer.status_code == 202, answer.text
    run: str = answer.json()["run"]["id"]
    return run


def take(store: Store, run: str) -> Any:
    """Let a process of this store begin with a run."""
    claim = store.claim_run(run, store.enter_process("shelf", 1, "0").id)
    store.start_run(claim, NOW, NOW + timedelta(days=1))
    return claim


def test_a_run_is_queued_with_typed_values(site: Site) -> None:
    run = started(site, count=7, kinds=["x", "y"], loud=True, day="2026-12-24")

    record = site.store.run(run)
    assert record.inputs | {"text": ""} == {
        "name": "abc",
        "count": 7,
        "day": {"$date": "2026-12-24"},
        "kinds": ["x", "y"],
        "colour": "red",
        "loud": True,
        "text": "",
    }
    assert log_of(site, run) == [f"{BY} asked for this run."]


def test_a_repeated_request_with_a_key_runs_once(site: Site) -> None:
    def post(key: str, name: str = "abc") -> Any:
        return site.client.post(
            "/api/workflows/nightly/runs",
            json={"inputs": {"name": name}},
            headers={"Idempotency-Key": key},
        )

    first, again, other = post("k-1").json(), post("k-1").json(), post("k-2").json()
    contradiction = post("k-1", name="xyz")

    assert (first["created"], again["created"]) == (True, False)
    assert first["run"]["id"] == again["run"]["id"] != other["run"]["id"]
    assert contradiction.status_code == 422
    assert len(site.store.runs()) == 2


@pytest.mark.parametrize(
    "inputs",
    [
        {"name": "A1"},
        {},
        {"name": "abc", "count": 77},
        {"name": "abc", "nothing": 1},
        {"name": "abc", "kinds": {"a": 1}},
        {"name": "abc", "text": "a\0b"},
        {"name": "abc", "kinds": ["l7xx" + "0123456789abcdef" * 2]},
        {"name": None},
    ],
)
def test_inputs_that_do_not_fit_are_refused_and_nothing_is_recorded(
    site: Site, inputs: dict[str, Any]
) -> None:
    answer = site.client.post("/api/workflows/nightly/runs", json={"inputs": inputs})

    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "code"}
    assert site.store.runs() == []


def test_half_of_a_character_is_refused(site: Site) -> None:
    body = b'{"inputs": {"name": "abc", "text": "\\ud800"}}'

    answer = site.client.post(
        "/api/workflows/nightly/runs", content=body, headers={"content-type": "application/json"}
    )

    assert answer.status_code == 422
    assert site.store.runs() == []


def test_a_run_is_cancelled_in_the_name_of_who_asks(site: Site) -> None:
    run = started(site)

    answers = [site.client.post(f"/api/runs/{run}/cancel") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert site.store.run(run).cancel_requested_by == BY
    assert log_of(site, run)[1:] == [f"{BY} asked to cancel the run."]


def test_a_run_on_hold_is_resumed_once(site: Site) -> None:
    run = started(site)
    site.store.release_run(take(site.store, run), held=True)

    answer, again = (site.client.post(f"/api/runs/{run}/resume") for _ in range(2))

    assert (answer.status_code, answer.json()["held"]) == (202, False)
    assert again.status_code == 422


def test_a_step_is_approved_once(site: Site) -> None:
    run = started(site)
    claim = take(site.store, run)
    site.store.record(claim, "sign", 1, "begin", EntryState.DONE, value=BEGUN)
    site.store.set_status(claim, Status.WAITING, [question("Delete?", "sign")])
    body = {"approved": True, "comment": HOSTILE}

    elsewhere = site.client.post(f"/api/runs/{run}/approve", json=body | {"step": "one"})
    assert (elsewhere.status_code, site.store.answers([run])) == (422, [])
    listed = site.client.get("/api/approvals").json()
    answer = site.client.post(f"/api/runs/{run}/approve", json=body)
    again = site.client.post(f"/api/runs/{run}/approve", json=body)

    assert [(one["step"], one["kind"], one["text"]) for one in listed] == [
        ("sign", "approve", "Delete?")
    ]
    assert answer.status_code == 200
    assert (answer.json()["step"], answer.json()["by"]) == ("sign", BY)
    assert again.status_code == 422
    [decision] = site.store.answers([run])
    assert decision.value == {"approved": True, "comment": HOSTILE}
    assert "\u202e" not in answer.text


def test_a_retry_is_previewed_and_then_queued_once(site: Site) -> None:
    run = started(site)
    claim = take(site.store, run)
    for path, outcome in (("one", "succeeded"), ("sign", "failed")):
        site.store.record(claim, path, 1, "begin", EntryState.DONE, value=BEGUN)
        end = {"outcome": outcome, "error": ""}
        site.store.record(claim, path, 1, "end", EntryState.DONE, value=end)
    site.store.finish_run(claim, Outcome.FAILED, "No.")

    preview = site.client.get(f"/api/runs/{run}/retry").json()
    wrong = site.client.post(f"/api/runs/{run}/retry", json={"attempt": 3})
    nowhere = {"attempt": 2, "start": "nothing"}
    assert site.client.post(f"/api/runs/{run}/retry", json=nowhere).status_code == 422
    answer = site.client.post(f"/api/runs/{run}/retry", json={"attempt": 2})
    again = site.client.post(f"/api/runs/{run}/retry", json={"attempt": 2})

    assert (preview["attempt"], preview["steps"], preview["submitted"]) == (2, ["sign"], [])
    assert (wrong.status_code, answer.status_code, again.status_code) == (422, 202, 422)
    assert (answer.json()["attempt"], answer.json()["status"]) == (2, "queued")


def test_a_retry_starts_at_the_step_that_the_body_names(site: Site) -> None:
    run = failed(site)

    answer = site.client.post(f"/api/runs/{run}/retry", json={"attempt": 2, "start": "one"})

    assert answer.status_code == 202
    details = site.client.get(f"/api/runs/{run}").json()
    assert details["attempts"][1]["start"] == "one"


def test_a_timetable_is_paused_and_the_pause_is_ended(site: Site) -> None:
    body = {"until": "3d", "note": HOSTILE}

    paused = site.client.post("/api/workflows/nightly/pause", json=body)
    ended = site.client.post("/api/workflows/nightly/unpause")
    again = site.client.post("/api/workflows/nightly/unpause")

    assert (paused.status_code, ended.status_code, again.status_code) == (200, 200, 422)
    assert paused.json()["by"] == BY
    assert paused.json()["until"] == "2026-11-06T07:30:00+00:00"
    assert site.store.pauses()[0].ended_by == BY


def test_a_repeated_skip_skips_one_tick(site: Site) -> None:
    active = site.app.state.catalog.workflow(site.project, "nightly")
    new = [
        NewSchedule(workflow="nightly", entry=one.key, timing=one.to_json())
        for one in entries_of("nightly", active.loaded.workflow, site.project)
    ]
    leader = site.store.leader()
    assert leader is not None
    site.store.change_schedules(leader.id, new, [], NOW)
    body = {"at": "2026-11-04T02:30:00+01:00", "note": "no staff"}

    answers = [site.client.post("/api/workflows/nightly/skip-next", json=body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 422]
    assert answers[0].json()["reason"] == f"Skipped by {BY}: no staff."
    naive = site.client.post("/api/workflows/nightly/skip-next", json={"at": "2026-11-05T02:30:00"})
    assert naive.status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/workflows/nightly/runs", {"inputs": {}}),
        ("/workflows/nightly/pause", {}),
        ("/workflows/nightly/unpause", None),
        ("/workflows/nightly/skip-next", {"at": "2026-11-04T02:30:00+01:00"}),
        ("/runs/last/cancel", None),
        ("/runs/last/resume", None),
        ("/runs/last/retry", {"attempt": 2}),
        ("/runs/last/approve", {"approved": True}),
        ("/runs/last/resolve", {"step": "a", "instance": None}),
    ],
)
def test_every_action_needs_the_role_operate(tmp_path: Path, path: str, body: Any) -> None:
    reader = site_in(tmp_path, person=Person("eve", Role.READ))

    answer = reader.client.post(f"/api{path}", json=body)

    assert answer.status_code == 403
    reader.store.close()


@pytest.mark.parametrize("name", ["nightli", quote(HOSTILE[:90]), "%00", "a/b", "..", "%2e%2e"])
def test_a_workflow_that_is_not_there_is_refused(site: Site, name: str) -> None:
    answers = [
        site.client.post(f"/api/workflows/{name}/runs", json={"inputs": {}}),
        site.client.post(f"/api/workflows/{name}/pause", json={}),
    ]

    assert all(answer.status_code in (404, 405, 422) for answer in answers)
    assert site.store.pauses() == []


def test_every_action_is_described(site: Site) -> None:
    document = site.client.get("/api/openapi.json").json()

    posts = {path: item["post"] for path, item in document["paths"].items() if "post" in item}
    assert len(posts) == 9
    for path, post in posts.items():
        assert post["description"], path
        assert {"403", "409", "422", "503"} <= set(post["responses"]), path
