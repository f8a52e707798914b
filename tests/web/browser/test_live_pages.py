"""A live part is fetched again while a person reads it: what is theirs stays theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.waiting import Waiting, WaitingKind
from tests.web.browser.keyboard import Keyboard
from tests.web.browser.pages import Served
from tests.web.night import at
from tests.web.recorded import record_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

PATIENCE = 20_000


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A low window, so that there is something to scroll."""
    made = chromium.new_page(viewport={"width": 390, "height": 500})
    yield made
    made.close()


def say(served: Served, page: Page, text: str) -> None:
    """Let the log of the run have one more line, and wait until the page shows it."""
    served.site.store.add_event(served.ids["running"], "said", text=text)
    page.get_by_text(text).wait_for(timeout=PATIENCE, state="attached")


@pytest.mark.parametrize("address", ["/", "/runs", "/approvals", "/workflows"])
def test_pages_show_what_happens_without_a_reload(served: Served, page: Page, address: str) -> None:
    page.goto(served.url(address))
    page.evaluate("document.body.dataset.kept = 'yes'")

    # It is one of the project's workflows, waits for a person, and is the newest of its runs.
    minute = {"/": 31, "/runs": 32, "/approvals": 33, "/workflows": 34}[address]
    waits = Waiting(WaitingKind.PERSON, f"Delete all {minute}?", "sign", at(17))
    record_run(
        served.site,
        minute + 100,
        workflow="export-bibs",
        status=Status.WAITING,
        waits=(waits,),
        requested_at=at(8, minute),
        started_at=at(8, minute),
    )

    page.locator(f"a[href*='{minute + 100}']").first.wait_for(timeout=PATIENCE, state="attached")
    assert page.evaluate("document.body.dataset.kept") == "yes"


def test_what_a_reader_opened_or_closed_stays_so(served: Served, page: Page) -> None:
    page.goto(served.url("/runs/{running}"))
    say(served, page, "the first look at Alma")
    step, log = page.locator("[id='step-wait-1-d']"), page.locator("#log-lines")
    step.locator("summary").first.click()
    log.locator("summary").first.press("Enter")

    for number in (1, 2):
        say(served, page, f"a look at Alma, number {number}")

        assert step.evaluate("it => it.open")
        assert not log.evaluate("it => it.open")


def test_focus_scrolling_and_selected_text_stay(served: Served, page: Page) -> None:
    page.goto(served.url("/runs/{running}"))
    Keyboard(page).go_to("Cancel")
    page.evaluate(
        "scrollTo(0, 200); getSelection().selectAllChildren(document.querySelector('h1'))"
    )
    before = page.evaluate("[scrollY, getSelection().toString()]")
    page.evaluate("document.querySelector('.source').dataset.kept = 'yes'")

    say(served, page, "another look at Alma")

    assert page.evaluate("document.activeElement.id") == "act-cancel"
    assert page.evaluate("[scrollY, getSelection().toString()]") == before
    assert before[0] > 0
    assert before[1]


def test_the_focus_stays_on_the_same_run_when_others_come_before_it(
    served: Served, page: Page
) -> None:
    site = served.site
    page.goto(served.address)
    # The first one is in the headline, which becomes another sentence.
    Keyboard(page).go_to("withdraw-items")
    Keyboard(page).go_to("withdraw-items")
    link = page.evaluate("document.activeElement.href")

    waits = Waiting(WaitingKind.PERSON, "Delete everything?", "sign", at(17))
    fields = {"requested_at": at(1), "started_at": at(1), "workflow": "older-question"}
    record_run(site, 91, status=Status.WAITING, waits=(waits,), **fields)
    record_run(site, 92, status=Status.WAITING, waits=(waits,), **fields | {"requested_at": at(8)})
    page.get_by_text("Delete everything?").first.wait_for(timeout=PATIENCE)

    assert page.evaluate("document.activeElement.href") == link


def test_a_form_that_is_half_filled_in_stays_so(served: Served, page: Page) -> None:
    form = (
        '<form><input id="a" value="old"><textarea id="b">old</textarea><input id="c" value="old">'
        '<input id="d" type="checkbox"><select id="e"><option>one<option>two</select></form>'
    )
    versions = iter([form] + [form.replace('id="c" value="old"', 'id="c" value="new"')] * 9)

    def with_form(route: Route) -> None:
        answer = route.fetch()
        text = answer.text().replace(
            '<section aria-labelledby="steps">', next(versions) + "<section>"
        )
        route.fulfill(response=answer, body=text)

    page.route("**/runs/*", with_form)
    page.goto(served.url("/runs/{running}"))
    page.fill("#a", "typed")
    page.fill("#b", "typed")
    page.check("#d")
    page.select_option("#e", "two")

    say(served, page, "a look at Alma with a form")

    values = page.evaluate("[a.value, b.value, c.value, d.checked, e.value]")
    assert values == ["typed", "typed", "new", True, "two"]


def test_personal_data_that_was_asked_for_stays_visible(served: Served, page: Page) -> None:
    site = served.site
    error = "The user anna.muster@example.edu is not known."
    record_run(
        site,
        93,
        workflow="patrons",
        requested_at=at(7),
        started_at=at(7),
        ended_at=at(7, 1),
        status=Status.FINISHED,
        outcome=Outcome.FAILED,
        error=error,
    )
    page.goto(served.address)
    assert page.get_by_text(error).count() == 0

    page.get_by_role("link", name="Show it").click()
    page.get_by_text(error).wait_for()
    record_run(
        site,
        94,
        workflow="begins-later",
        requested_at=at(8, 20),
        started_at=at(8, 20),
        status=Status.RUNNING,
    )
    page.get_by_text("begins-later").wait_for(timeout=PATIENCE)

    assert page.get_by_text(error).count() == 1
    assert page.get_by_role("link", name="Show it").count() == 0


def test_a_refresh_that_hides_something_offers_to_show_it(served: Served, page: Page) -> None:
    page.goto(served.url("/runs/{running}"))
    assert page.get_by_role("link", name="Show it").count() == 0

    say(served, page, "asked for a person")
    served.site.store.add_event(served.ids["running"], "said", text="Wrote to eve@example.edu.")

    page.get_by_role("link", name="Show it").wait_for(timeout=PATIENCE)


def test_every_part_that_is_folded_has_a_name_to_be_remembered_by(
    served: Served, page: Page
) -> None:
    for address in ("/", "/notices", "/runs/{running}", "/runs/{played}", "/runs/{failed}"):
        page.goto(served.url(address))

        assert page.locator("#live details:not([id])").count() == 0
