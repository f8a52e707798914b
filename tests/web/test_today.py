"""The first page: was the night good, what waits for a person, what runs, what comes."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from almaflow.operations.today import night_before
from almaflow.outcome import Outcome, Status
from tests.web.night import FAILURE, QUESTION, at, make_night, write_workflows
from tests.web.pages import Site, site_in
from tests.web.recorded import record_run

ZURICH = ZoneInfo("Europe/Zurich")


def text_of(page: str) -> str:
    """Return the text of a page, as a person reads it."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


def headline(site: Site) -> str:
    page = site.client.get("/")
    assert page.status_code == 200, page.text
    match = re.search(r'<span class="sentence">(.*?)</span>', page.text, re.S)
    assert match is not None
    return text_of(match[1]).strip()


def test_one_sentence_says_how_the_night_was(site: Site) -> None:
    make_night(site)

    assert headline(site) == (
        "12 of 13 runs of the night went well; export-bibs failed at 02:41. "
        "withdraw-items waits for you."
    )


def test_what_needs_a_person_comes_first(site: Site) -> None:
    ids = make_night(site)

    page = site.client.get("/").text

    places = [page.index(f"/runs/{ids[one]}") for one in ("failed", "person", "running")]
    sections = re.findall(r'<h2 id="(\w+)"', page)
    assert sections == ["person", "failed", "running", "done", "next", "health"]
    assert places[2] > max(places[:2])
    text = text_of(page)
    assert FAILURE.split("`")[0] in text
    assert QUESTION in text
    assert "job M157 runs in Alma (RUNNING), 40 %" in text


@pytest.mark.parametrize(
    ("now", "since"),
    [
        ("2026-11-03T08:30+01:00", "2026-11-02T18:00+01:00"),
        ("2026-11-03T00:05+01:00", "2026-11-02T18:00+01:00"),
        ("2026-11-02T23:59+01:00", "2026-11-01T18:00+01:00"),
        ("2026-11-02T18:30+01:00", "2026-11-01T18:00+01:00"),
        ("2026-10-25T08:00+01:00", "2026-10-24T18:00+02:00"),  # clocks were set back
        ("2026-03-29T08:00+02:00", "2026-03-28T18:00+01:00"),  # and forward
    ],
)
def test_a_night_begins_at_six_in_the_evening(now: str, since: str) -> None:
    assert night_before(datetime.fromisoformat(now), ZURICH) == datetime.fromisoformat(since)


def test_a_quiet_night_is_a_sentence_too(site: Site) -> None:
    write_workflows(site)

    assert headline(site) == "No run has ended since Mon 18:00."
    assert "sync-patrons" in site.client.get("/").text


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, "The only run of the night went well."),
        (2, "Both runs of the night went well."),
        (3, "All 3 runs of the night went well."),
    ],
)
def test_a_good_night_needs_no_more_words(site: Site, number: int, sentence: str) -> None:
    for one in range(number):
        ended(site, one, at(one))

    assert headline(site) == sentence


def test_a_failure_that_a_later_run_made_good_is_said_to_be(site: Site) -> None:
    ended(site, 1, at(1), Outcome.FAILED)
    ended(site, 2, at(2))

    assert (
        headline(site)
        == "1 of 2 runs of the night went well; nightly failed at 01:01 and went well later."
    )


def test_a_night_in_which_nothing_went_well_is_said_plainly(site: Site) -> None:
    ended(site, 1, at(1), Outcome.FAILED)
    ended(site, 2, at(2), Outcome.TIMED_OUT)

    assert headline(site) == "None of the 2 runs of the night went well."


def test_runs_of_other_nights_do_not_count(site: Site) -> None:
    ended(site, 1, at(12, day=-1), Outcome.FAILED)

    assert headline(site).startswith("No run has ended")


def test_names_and_errors_are_text(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e\x1b[31m" + "x" * 10_000
    site = site_in(tmp_path)
    run = ended(site, 1, at(1), Outcome.FAILED, error=hostile)

    page = site.client.get("/").text

    assert run in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert len(page) < 60_000
    site.store.close()


def test_the_part_that_changes_is_fetched_alone(site: Site) -> None:
    make_night(site)

    whole = site.client.get("/").text
    part = site.client.get("/", headers={"hx-request": "true"}).text

    # The note in the foot is replaced with it.
    live, _, note = part.partition('<div id="hidden-note"')
    assert "<html" not in part
    assert live.strip() in whole
    assert "hx-swap-oob" in note


def test_a_page_is_rendered_again_when_something_happened(site: Site) -> None:
    first = headline(site)
    ended(site, 1, at(1))
    second = headline(site)

    assert first != second


def ended(
    site: Site, number: int, began: datetime, outcome: Outcome = Outcome.SUCCEEDED, **more: str
) -> str:
    return record_run(
        site,
        number,
        requested_at=began,
        started_at=began,
        ended_at=began + timedelta(minutes=1),
        status=Status.FINISHED,
        outcome=outcome,
        **more,
    )
