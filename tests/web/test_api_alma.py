"""Jobs and profiles of Alma in the API: the lists of the commands, kept for some minutes."""

from __future__ import annotations

import threading
from datetime import timedelta

from almaflow.alma.errors import AlmaUnreachable
from almaflow.json_data import as_data
from almaflow.operations.alma_lists import data_of, job_view, profile_view, read_jobs, read_profiles
from tests.web.asked_alma import Counted
from tests.web.pages import Site


def test_jobs_and_profiles_are_those_that_the_commands_list(site: Site, alma: Counted) -> None:
    jobs = alma.reader.ask(read_jobs, "main")
    profiles = alma.reader.ask(read_profiles, "main")

    listed = site.client.get("/api/jobs?institution=main").json()
    known = site.client.get("/api/profiles?institution=main").json()

    assert listed["institution"] == "main"
    assert len(listed["jobs"]) > 5
    assert {frozenset(one) for one in listed["jobs"]} == {frozenset(data_of(jobs[0]))}
    assert [one["name"] for one in listed["jobs"]] == sorted(one.name for one in jobs)
    assert known["profiles"] == [as_data(profile_view(one)) for one in profiles]
    assert all(as_data(job_view(one)) == _plain(data_of(one)) for one in jobs)


def _plain(data: dict[str, object]) -> object:
    return as_data(data)


def test_lists_are_filtered_and_paged(site: Site, alma: Counted) -> None:
    def names(address: str) -> list[str]:
        return [one["name"] for one in site.client.get(address).json()["jobs"]]

    first = site.client.get("/api/jobs?institution=main&limit=2")
    everything = names("/api/jobs?institution=main")

    assert names("/api/jobs?institution=main&name=EXPORT%20ph") == [
        "Export Physical items",
        "Export Physical items labels",
    ]
    assert names("/api/jobs?institution=main&type=none") == []
    assert names("/api/jobs?institution=main&type=manual")
    assert names(first.links["next"]["url"]) == everything[2:4]
    assert names("/api/jobs?institution=main&cursor=999999") == []


def test_alma_is_asked_once_in_some_minutes(site: Site, alma: Counted) -> None:
    for _ in range(3):
        site.client.get("/api/jobs?institution=main")
    before = list(alma.asked)
    site.clock.advance(timedelta(minutes=11))
    site.client.get("/api/jobs?institution=main")

    assert (before, len(alma.asked)) == (["main"], 2)


def test_many_who_ask_together_ask_alma_once(site: Site, alma: Counted) -> None:
    def ask() -> None:
        site.browser().get("/api/profiles?institution=main")

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert alma.asked == ["main"]


def test_an_alma_that_does_not_respond_is_a_sentence_and_is_asked_again(
    site: Site, alma: Counted
) -> None:
    alma.failing = AlmaUnreachable("Alma (main) did not respond.", what="a list")
    failed = site.client.get("/api/jobs?institution=main")
    alma.failing = None
    again = site.client.get("/api/jobs?institution=main")

    assert (failed.status_code, again.status_code) == (502, 200)
    assert failed.json()["error"] == "Alma (main) did not respond."


def test_an_unknown_institution_is_refused_before_alma_is_asked(site: Site, alma: Counted) -> None:
    answer = site.client.get("/api/jobs?institution=nowhere")

    assert (answer.status_code, alma.asked) == (422, [])


def test_a_page_without_alma_says_so(site: Site) -> None:
    assert site.client.get("/api/jobs?institution=main").status_code == 422
