"""Every action with the keyboard only: the confirmation shows what is sent, the record says who."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.acting import BY, acting_site, activate, asking, failed, log_of, queued
from tests.web.browser.keyboard import Keyboard
from tests.web.browser.pages import Served, served_site
from tests.web.pages import Site
from tests.web.test_resolve_page import lose, lost

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A page on which anna acts."""
    made = acting_site(tmp_path, monkeypatch)
    activate(made)
    yield made
    made.store.close()


@pytest.fixture(params=[True, False], ids=["with-script", "without-script"])
def scripted(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs scripts."""
    return bool(request.param)


@contextmanager
def keyboard(
    chromium: Browser, served: Served, address: str, *, scripted: bool
) -> Iterator[Keyboard]:
    """Yield the keyboard in front of a page."""
    context = chromium.new_context(java_script_enabled=scripted)
    page = context.new_page()
    page.goto(served.address + address)
    yield Keyboard(page)
    context.close()


def test_a_run_is_started_from_a_form_of_its_inputs(
    chromium: Browser, site: Site, scripted: bool
) -> None:
    with (
        served_site(site) as served,
        keyboard(chromium, served, "/workflows/nightly", scripted=scripted) as keys,
    ):
        keys.press("Run")
        keys.write("name", "ABC")
        keys.press("Show what will be sent")
        refused = keys.main()
        keys.write("name", "books")
        keys.write("count", "7")
        keys.go_to("day")
        keys.page.keyboard.type("11042026")
        keys.write("kinds", "new\nold")
        keys.go_to("colour")
        keys.page.keyboard.type("<b>")
        keys.go_to("loud")
        keys.page.keyboard.type("true")
        keys.press("Show what will be sent")
        confirmation = keys.main()
        assert site.store.runs() == []
        keys.press("Start the run")
        shown = keys.main()

    assert "[a-z]+" in refused
    for text in ("books", "7", "2026-11-04", '["new", "old"]', "<b>", "true", "one notify"):
        assert text in confirmation, text
    [run] = site.store.runs()
    inputs = run.inputs
    assert (inputs["name"], inputs["count"], inputs["colour"]) == ("books", 7, "<b>")
    [entry] = log_of(site, run.id)
    assert entry.startswith(BY)
    assert entry in shown


@pytest.mark.parametrize(
    ("button", "approved"), [("Approve", True), ("Reject", False)], ids=["approve", "reject"]
)
def test_a_question_is_answered_with_a_comment(
    chromium: Browser, site: Site, scripted: bool, button: str, approved: bool
) -> None:
    run = asking(site)

    with (
        served_site(site) as served,
        keyboard(chromium, served, "/approvals", scripted=scripted) as keys,
    ):
        keys.press("Approve or reject")
        confirmation = keys.main()
        keys.write("Comment", "Checked <b>twice</b>.")
        assert site.store.answers([run]) == []
        keys.press(button)
        shown = keys.main()

    assert "Delete <b>all</b>?" in confirmation
    assert "The run continues." in confirmation.replace("the run", "The run")
    [answer] = site.store.answers([run])
    assert (answer.by, answer.value["approved"]) == (BY, approved)
    [entry] = log_of(site, run)[1:]
    assert entry.startswith(BY)
    assert entry in shown


def test_a_lost_submission_is_resolved_with_what_alma_lists(
    chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scripted: bool
) -> None:
    # Playwright has an event loop in this thread.
    with ThreadPoolExecutor(1) as other:
        played = other.submit(lose, tmp_path).result()

    with (
        lost(*played, monkeypatch) as (site, run, ours),
        served_site(site) as served,
        keyboard(chromium, served, "/approvals", scripted=scripted) as keys,
    ):
        keys.press("Resolve")
        confirmation = keys.main()
        keys.choose(f"It runs as {ours}")
        assert site.store.answers([run]) == []
        keys.press("Record the answer")
        shown = keys.main()

        assert "M48" in confirmation
        assert confirmation.count("It runs as ") == 3
        [answer] = site.store.answers([run])
        assert (answer.by, answer.value["instance_id"]) == (BY, ours)
        [entry] = log_of(site, run)
        assert entry.startswith(BY)
        assert entry in shown


def test_the_next_tick_is_skipped(chromium: Browser, site: Site, scripted: bool) -> None:
    with (
        served_site(site) as served,
        keyboard(chromium, served, "/workflows/nightly", scripted=scripted) as keys,
    ):
        keys.press("Skip the next time")
        confirmation = keys.main()
        keys.write("Note", "The server is updated.")
        assert site.store.ticks(open=False) == []
        keys.press("Skip this tick")
        shown = keys.main()

    assert "Wednesday, 2026-11-04 at 02:30" in confirmation
    [tick] = site.store.ticks(workflow="nightly", open=False)
    assert BY in tick.reason
    assert tick.reason.endswith(": The server is updated.")
    assert tick.reason.rstrip(".") in shown


def test_a_timetable_is_paused_and_continues(chromium: Browser, site: Site, scripted: bool) -> None:
    with (
        served_site(site) as served,
        keyboard(chromium, served, "/workflows/nightly", scripted=scripted) as keys,
    ):
        keys.press("Pause")
        keys.write("Until", "yesterday evening")
        keys.press("Show the ticks that are skipped")
        refused = keys.main()
        keys.write("Until", "2d")
        keys.write("Note", "audit")
        keys.press("Show the ticks that are skipped")
        confirmation = keys.main()
        assert site.store.pauses() == []
        keys.press("Pause the timetable")
        paused = keys.main()
        keys.press("End the pause")
        keys.press("End the pause")
        ended = keys.main()

    assert "yesterday evening" in refused
    assert confirmation.count("02:30 (night)") == 2
    assert f"Paused by {BY}" in paused
    assert "audit" in paused
    assert "Paused by" not in ended
    [pause] = site.store.pauses()
    assert (pause.by, pause.note, pause.ended_by) == (BY, "audit", BY)


def test_a_run_is_cancelled_and_a_failed_one_retried(
    chromium: Browser, site: Site, scripted: bool
) -> None:
    waiting, bad = queued(site), failed(site)

    with served_site(site) as served:
        with keyboard(chromium, served, f"/runs/{waiting}", scripted=scripted) as keys:
            keys.press("Cancel")
            assert site.store.run(waiting).cancel_requested_at is None
            keys.press("Cancel the run")
            assert log_of(site, waiting)[-1] in keys.main()
        with keyboard(chromium, served, f"/runs/{bad}", scripted=scripted) as keys:
            keys.press("Retry")
            confirmation = keys.main()
            keys.press("Retry the run")
            assert log_of(site, bad)[-1] in keys.main()

    assert "sign" in confirmation
    assert site.store.run(waiting).cancel_requested_by == BY
    assert site.store.run(bad).attempt == 2
