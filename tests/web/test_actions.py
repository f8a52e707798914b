"""Acting on runs and timetables on the page: a confirmation, a form, and the page of the result."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import pytest

from almaflow.outcome import Status
from almaflow.web.security.people import Person, Role
from tests.web.acting import (
    BY,
    HOSTILE,
    acting_site,
    activate,
    asking,
    begun,
    failed,
    hidden,
    log_of,
    main_of,
    queued,
)
from tests.web.pages import Site, site_in


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = acting_site(tmp_path, monkeypatch)
    yield made
    made.store.close()


def test_a_run_is_cancelled_after_a_confirmation(site: Site) -> None:
    run = queued(site)

    page = site.client.get(f"/runs/{run}/cancel")
    assert site.store.run(run).cancel_requested_at is None
    answer = site.client.post(f"/runs/{run}/cancel")

    assert f'action="/runs/{run}/cancel"' in page.text
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run}")
    assert site.store.run(run).cancel_requested_by == BY
    assert log_of(site, run)[1:] == [f"{BY} asked to cancel the run."]


def test_a_run_on_hold_is_cancelled_by_any_process(site: Site) -> None:
    run, claim = begun(site)
    site.store.release_run(claim, held=True)
    assert site.store.orphans() == []

    site.client.post(f"/runs/{run}/cancel")

    assert site.store.orphans() == [run]


def test_a_run_on_hold_is_continued(site: Site) -> None:
    run, claim = begun(site)
    site.store.release_run(claim, held=True)

    page = site.client.get(f"/runs/{run}/resume")
    answer = site.client.post(f"/runs/{run}/resume")
    again = site.client.post(f"/runs/{run}/resume")

    assert (page.status_code, answer.status_code, again.status_code) == (200, 303, 400)
    assert log_of(site, run)[1:] == [f"{BY} continues the run."]


def test_a_step_is_approved_with_a_comment_once(site: Site) -> None:
    run = asking(site)
    form = {"step": "sign", "answer": "approve", "comment": HOSTILE}

    page = main_of(site.client.get(f"/runs/{run}/approve?step=sign").text)
    answer = site.client.post(f"/runs/{run}/approve", data=form)
    again = site.client.post(f"/runs/{run}/approve", data=form)

    assert "Delete &lt;b&gt;all&lt;/b&gt;?" in page
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run}")
    [decision] = site.store.answers([run])
    assert (decision.by, decision.value) == (BY, {"approved": True, "comment": HOSTILE})
    assert again.status_code == 400
    assert "<script>alert" not in again.text
    assert "was already approved" in again.text


def test_a_reply_without_an_answer_keeps_the_comment(site: Site) -> None:
    run = asking(site)

    page = site.client.post(f"/runs/{run}/approve", data={"step": "sign", "comment": "as\u202e is"})

    assert page.status_code == 400
    assert "as\u202e is</textarea>" in page.text
    assert 'aria-invalid="true"' in page.text
    assert site.store.answers([run]) == []


def test_what_waits_for_a_person_is_on_one_page(site: Site) -> None:
    assert "Nothing waits for a person." in site.client.get("/approvals").text
    run = asking(site, HOSTILE)
    on_hold, claim = begun(site)
    site.store.release_run(claim, held=True)

    page = site.client.get("/approvals")
    reader = site_in(site.folder, person=Person("eve", Role.READ))

    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "2 things wait for a person." in page.text
    assert f'href="/runs/{run}/approve?step=sign"' in page.text
    assert f'href="/runs/{on_hold}/resume"' in page.text
    assert reader.client.get("/approvals").status_code == 200
    assert reader.client.get(f"/runs/{run}/approve").status_code == 403
    reader.store.close()


def test_a_retry_shows_what_runs_again_and_is_queued_once(site: Site) -> None:
    run = failed(site)

    page = site.client.get(f"/runs/{run}/retry").text
    from_one = main_of(site.client.get(f"/runs/{run}/retry?start=one").text)
    form = {"start": "", "attempt": hidden(page, "attempt")}
    answers = [site.client.post(f"/runs/{run}/retry", data=form) for _ in range(2)]

    assert "<li><bdi>sign</bdi></li>" in main_of(page)
    assert "<li><bdi>one</bdi></li>" not in main_of(page)
    assert "<li><bdi>one</bdi></li>" in from_one
    assert [answer.status_code for answer in answers] == [303, 400]
    record = site.store.run(run)
    assert (record.status, record.attempt) == (Status.QUEUED, 2)
    assert log_of(site, run)[1:] == [f"{BY} asked for attempt 2."]


def test_a_retry_from_a_step_that_is_not_there_is_asked_again(site: Site) -> None:
    page = site.client.get(f"/runs/{failed(site)}/retry?start=nothing")

    assert page.status_code == 400
    assert '<option value="one">' in page.text


def test_a_pause_shows_the_ticks_that_it_skips(site: Site) -> None:
    form = {"until": "2d", "note": "audit <b>"}

    shown = site.client.post("/workflows/nightly/pause", data=form)
    assert site.store.pauses() == []
    answer = site.client.post("/workflows/nightly/pause", data=form | {"go": "pause"})
    ended = site.client.post("/workflows/nightly/unpause")

    assert main_of(shown.text).count("02:30 (night)") == 2
    assert (answer.status_code, answer.headers["location"]) == (303, "/workflows/nightly")
    [pause] = site.store.pauses()
    assert (pause.by, pause.note, pause.ended_by) == (BY, "audit <b>", BY)
    assert ended.status_code == 303


@pytest.mark.parametrize("until", ["yesterday", "2020-01-01", HOSTILE])
def test_a_pause_that_ends_wrong_is_said_beside_the_field(site: Site, until: str) -> None:
    page = site.client.post("/workflows/nightly/pause", data={"until": until, "go": "pause"})

    assert page.status_code == 400
    assert 'id="field-until-error"' in page.text
    assert html.escape(until) in page.text.replace("&#34;", "&quot;")
    assert site.store.pauses() == []


def test_the_tick_that_was_shown_is_skipped_and_no_second_one(site: Site) -> None:
    activate(site)

    page = site.client.get("/workflows/nightly/skip-next").text
    form = {"entry": hidden(page, "entry"), "at": html.unescape(hidden(page, "at"))}
    answers = [site.client.post("/workflows/nightly/skip-next", data=form) for _ in range(2)]

    assert "Wednesday, 2026-11-04" in page
    assert [answer.status_code for answer in answers] == [303, 400]
    [tick] = site.store.ticks(workflow="nightly", open=False)
    assert tick.reason == f"Skipped by {BY}."
