"""Jobs and profiles of Alma: found by name or id, each with a step that can be pasted."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from almaflow.alma.errors import AlmaRefused, AlmaUnreachable
from almaflow.alma.wire import ImportProfile, IntegrationProfile, Job
from almaflow.errors import RequestWrong
from almaflow.operations.alma_lists import profile_view
from almaflow.operations.pasted_steps import job_step, profile_step
from almaflow.web.security.people import Person, Role
from almaflow.workflow_loader import load_text
from tests.web.acting import HOSTILE, main_of
from tests.web.asked_alma import Counted, list_in_alma
from tests.web.pages import Site, site_in


def page(site: Site, query: str = "", status: int = 200) -> str:
    response = site.client.get(f"/jobs{query}")
    assert response.status_code == status
    return main_of(response.text)


def names(text: str) -> list[str]:
    return re.findall(r'<span class="who"><bdi>(.*?)</bdi>', text)


def steps(text: str) -> list[str]:
    return [html.unescape(one) for one in re.findall(r"<pre [^>]*>(.*?)</pre>", text, re.DOTALL)]


def job(**more: Any) -> Job:
    values: dict[str, Any] = {"id": "M1", "name": "Job", "type": "MANUAL"}
    empty = {"description": "", "category": "", "content": "", "schedule": "", "link": ""}
    return Job(
        **{**empty, "next_run_at": None, "profile_id": "", "parameters": (), **values, **more}
    )


def test_jobs_and_profiles_are_listed_with_a_step_each(site: Site, alma: Counted) -> None:
    text = page(site)

    assert "Export Physical items" in names(text)
    assert len(steps(text)) == len(names(text))


def test_a_search_finds_names_codes_and_ids(site: Site, alma: Counted) -> None:
    assert names(page(site, "?text=EXPORT%20physical&kind=manual")) == [
        "Export Physical items",
        "Export Physical items labels",
    ]
    [found] = re.findall(r"<code>(M\d+)</code>", page(site, "?text=Export%20physical%20items%20l"))
    assert names(page(site, f"?text={found}&kind=manual"))[0] == "Export Physical items labels"
    assert names(page(site, "?text=no-such-thing")) == []


@pytest.mark.parametrize("query", ["?kind=odd", "?institution=nowhere", "?page=0", "?page=x"])
def test_a_wrong_filter_is_answered_with_a_sentence(site: Site, alma: Counted, query: str) -> None:
    assert site.client.get(f"/jobs{query}").status_code == 400
    assert alma.asked == []


def test_alma_is_asked_once_for_each_list_in_ten_minutes(site: Site, alma: Counted) -> None:
    for query in ("", "?text=x", "?kind=import", "?page=2"):
        page(site, query)
        site.clock.advance(timedelta(minutes=2))
    assert len(alma.asked) == 2

    site.clock.advance(timedelta(minutes=3))
    page(site)
    assert len(alma.asked) == 4


def test_a_person_can_let_alma_be_asked_again_but_not_all_the_time(
    site: Site, alma: Counted
) -> None:
    def again() -> None:
        form = {"institution": "main", "kind": "manual", "text": "x y"}
        answer = site.client.post("/jobs", data=form)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/jobs?institution=main&kind=manual&text=x+y"
        page(site)

    page(site)
    again()
    assert len(alma.asked) == 2
    site.clock.advance(timedelta(minutes=1))
    again()
    assert len(alma.asked) == 4


def test_who_may_only_read_spends_no_calls(site: Site, alma: Counted) -> None:
    reader = Site(site.store, site.clock, site.folder, person=Person("ina", Role.READ))

    assert "Read again" not in page(reader)
    assert reader.client.post("/jobs", data={"institution": "main"}).status_code == 403


@pytest.mark.parametrize(
    "error",
    [
        AlmaUnreachable("Alma (main) did not respond.", what="a list"),
        AlmaRefused("Alma (main) refused: the key may not <b>read</b> this.", what="a list"),
        RequestWrong("The environment variable NO_KEY is not set."),
    ],
)
def test_an_alma_that_cannot_be_read_is_a_sentence_on_the_page(
    site: Site, alma: Counted, error: Exception
) -> None:
    alma.failing = error
    text = page(site)

    assert html.escape(str(error), quote=False) in text.replace("&#34;", '"')
    assert names(text) == []


def test_a_refusal_is_not_asked_for_at_each_reload(site: Site, alma: Counted) -> None:
    alma.failing = AlmaRefused("No.", what="a list")
    for _ in range(5):
        page(site)
    assert len(alma.asked) == 2

    alma.failing = None
    site.clock.advance(timedelta(minutes=2))
    assert names(page(site))


def test_a_project_without_institutions_says_so(tmp_path: Any) -> None:
    site = site_in(tmp_path, settings={"timezone": "Europe/Zurich"})

    assert "no institution" in page(site)
    site.store.close()


def test_many_entries_are_on_pages(site: Site, alma: Counted) -> None:
    known = [job(id=f"M{number}", name=f"Job {number:03}") for number in range(120)]
    list_in_alma(site, known, [])

    assert names(page(site))[0] == "Job 000"
    assert names(page(site, "?page=3")) == [f"Job {number:03}" for number in range(100, 120)]
    assert names(page(site, "?page=9")) == []


INTEGRATION = IntegrationProfile(
    id="1", code="STORE", name="Remote storage", type="REMOTE", system="x", description=""
)
IMPORT = ImportProfile(
    id="2", name="EBA load", job_id="S5", type="", description="", active=True, scheduler_status=""
)


def test_a_scheduled_job_of_a_profile_is_started_by_the_profile(site: Site, alma: Counted) -> None:
    mine = [job(id=f"S{at}", name=f"Part {at}", type="SCHEDULED", profile_id="1") for at in (1, 2)]
    list_in_alma(site, [*mine, job(id="S5", name="EBA", type="SCHEDULED")], [INTEGRATION, IMPORT])

    texts = steps(page(site))

    assert texts == [
        "- submit_job:\n    job: {id: S5, name: EBA}",
        *[f"- run_profile:\n    integration: STORE\n    job: Part {at}" for at in (1, 2, 1)],
        "- run_profile:\n    import: EBA load",
    ]


@pytest.mark.parametrize(
    "lines",
    [
        [*job_step(job(name="Yes", type="SCHEDULED"))],
        [*job_step(job(name='a: "b" # {c} \u202e\x1b[31m\n', type="OTHER"))],
        [*profile_step(profile_view(INTEGRATION), [job(), job()])],
        [*profile_step(profile_view(IMPORT), [])],
    ],
)
def test_a_step_can_be_pasted_as_it_is(lines: list[str]) -> None:
    load_text("steps:\n" + "\n".join(lines) + "\n", "workflows/x.yaml")


def test_hostile_names_are_text(site: Site, alma: Counted) -> None:
    hostile = job(name=HOSTILE, description=HOSTILE, category=HOSTILE, content=HOSTILE, id=HOSTILE)
    list_in_alma(site, [hostile], [INTEGRATION])

    text = page(site)

    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    # Alma's text of 10,000 characters has its end in the step, which is copied as a whole.
    assert steps(text)[0].count("x") >= 10_000
