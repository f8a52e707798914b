"""What belongs to a person is hidden on pages and from readers of the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from almaflow.outcome import Outcome
from almaflow.web.personal_data import HIDDEN, rule_of
from almaflow.web.security.people import Person, Role
from tests.web.acting import acting_site, main_of
from tests.web.night import at
from tests.web.pages import SETTINGS, Site, site_in
from tests.web.recorded import record_run

RULE = rule_of()


@pytest.mark.parametrize(
    "name",
    [
        *(
            "barcode",
            "item_barcode",
            "user_primary_id",
            "userId",
            "emailAddress",
            "email",
            "patron",
        ),
        *(
            "task_UpdateUsersParams_user_identifier",
            "first_name",
            "lastName",
            "phone",
            "birth_date",
        ),
        *("members", "PIN", "national-id", "full name", "c.jobs.loans.patronBarcode"),
    ],
)
def test_names_that_say_so_hide_their_value(name: str) -> None:
    assert RULE.value("x1234567", name) == HIDDEN
    assert RULE.value({name: ["a1", "b2"]})[name] == ["(hidden: 2 values)"]
    assert RULE.value({"name": {"value": name}, "value": "jdoe"})["value"] == HIDDEN
    assert RULE.value({"key": name, "label": "", "value": "jdoe"})["value"] == HIDDEN


@pytest.mark.parametrize(
    "name",
    [
        *(
            "user_group",
            "set_name",
            "job_name",
            "set_id",
            "mms_id",
            "c.jobs.users.updated",
            "status",
        ),
        *("member_count", "id_type", "institution", "pinned", "mailing", "limit", "month"),
    ],
)
def test_other_names_do_not(name: str) -> None:
    assert RULE.value("x1234567", name) == "x1234567"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Write to anna.muster@example.org.", "Write to (hidden)."),
        ("Call +41 44 123 45 67 now", "Call (hidden) now"),
        ("AHV 756.9217.0769.85", "AHV (hidden)"),
        ("7569217076985", "(hidden)"),
        ("CPR 010203-1234, SSN 123-45-6789", "CPR (hidden), SSN (hidden)"),
        ("RSSMRA85T10A562S", "(hidden)"),
        ("CH93 0076 2011 6238 5295 7", "(hidden)"),
        ("GET /almaws/v1/users/jdoe/loans?x=1", "GET /almaws/v1/users/(hidden)/loans?x=1"),
        ("/items?item_barcode=123456&view=brief", "/items?item_barcode=(hidden)&view=brief"),
        ("q=primary_id~jdoe", "q=primary_id~(hidden)"),
        ('{"primary_id": "jdoe", "x": "y"}', '{"primary_id": "(hidden)", "x": "y"}'),
        ("<user><last_name>Doe</last_name></user>", "<user><last_name>(hidden)</last_name></user>"),
    ],
)
def test_forms_of_personal_data_are_hidden_in_texts(text: str, shown: str) -> None:
    assert RULE.text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("Run 20261103-023000-k7x2q ended.", "2026-11-03 02:30:00", "99412345678901234"),
        *("instance 4711 of job M44", "c.jobs.bib.failed is 1,204", "7569217076984"),
        *("https://files.example.edu/out", "23412345670003411", "POST /conf/jobs/M44?op=run"),
    ],
)
def test_ids_dates_and_addresses_of_alma_are_not(text: str) -> None:
    assert RULE.text(text) == text


def test_a_value_hidden_by_its_name_is_hidden_in_other_texts() -> None:
    document = {"inputs": {"user_id": "jdoe7", "limit": 5}, "error": "User jdoe7 was not found."}

    shown = RULE.value(document, known=RULE.known(document))

    assert shown == {
        "inputs": {"user_id": HIDDEN, "limit": 5},
        "error": f"User {HIDDEN} was not found.",
    }


def test_counts_truths_and_nothing_stay() -> None:
    assert RULE.value({"users": 12, "barcode": None, "patron": True, "email": ""}) == {
        "users": 12,
        "barcode": None,
        "patron": True,
        "email": "",
    }


def test_settings_hide_and_show_further_names() -> None:
    rule = rule_of(("Matrikel",), ("item barcode",))

    assert rule.value("x1234567", "matrikel_nummer") == HIDDEN
    assert rule.value("x1234567", "item_barcode") == "x1234567"
    assert rule.value("x1234567", "patron_item_barcodes") == HIDDEN


def test_mappings_and_pairs_below_a_hidden_name_are_hidden() -> None:
    document = {
        "user": {"login": "jdoe7777", "ids": ["x1234567"], "card": 12345678901, "loans": 3},
        "query": [["user_id", "jdoe8888"], ["limit", "5"]],
        "error": "jdoe7777, jdoe8888, x1234567 and 12345678901 are not there.",
    }

    shown = RULE.value(document, known=RULE.known(document))

    assert shown == {
        "user": {"login": HIDDEN, "ids": ["(hidden: 1 values)"], "card": HIDDEN, "loans": 3},
        "query": [["user_id", HIDDEN], ["limit", "5"]],
        "error": f"{HIDDEN}, {HIDDEN}, {HIDDEN} and {HIDDEN} are not there.",
    }


def test_of_a_document_without_end_only_the_first_values_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("almaflow.web.personal_data._MOST_NODES", 2)

    known = RULE.known({"user_id": "jdoe7777", "barcode": "x1234567"})

    assert known.values == {"jdoe7777"}


ERROR = "User jdoe7 (j.doe@example.org) has no item 8899776655."


def with_a_person(site: Site) -> str:
    return record_run(
        site,
        1,
        workflow="nightly",
        inputs={"user_id": "jdoe7", "barcodes": ["8899776655", "8899776656"], "month": "2026-11"},
        error=ERROR,
        requested_at=at(1),
        started_at=at(1),
        ended_at=at(2),
        outcome=Outcome.FAILED,
    )


PERSONAL = ("jdoe7", "j.doe@", "8899776655", "8899776656")


@pytest.mark.parametrize("role", list(Role))
def test_pages_hide_it_and_show_what_is_not_personal(tmp_path: Path, role: Role) -> None:
    site = site_in(tmp_path, person=Person("anna", role))
    run = with_a_person(site)

    page = site.client.get(f"/runs/{run}").text

    assert [one for one in PERSONAL if one in page] == []
    assert "2026-11" in page
    assert "Personal data is hidden on this page" in page
    assert ('personal=shown">Show it' in page) == (role is Role.OPERATE)


def test_who_may_operate_can_show_it_and_who_reads_cannot(tmp_path: Path) -> None:
    for role in Role:
        folder = tmp_path / role
        folder.mkdir()
        site = site_in(folder, person=Person("anna", role))
        run = with_a_person(site)

        page = site.client.get(f"/runs/{run}?personal=shown").text

        assert (PERSONAL[0] in page) == (role is Role.OPERATE)


@pytest.mark.parametrize("role", list(Role))
def test_the_api_hides_it_from_readers(tmp_path: Path, role: Role) -> None:
    site = site_in(tmp_path, person=Person("anna", role))
    run = with_a_person(site)

    document = site.client.get(f"/api/runs/{run}").text

    seen = [one for one in PERSONAL if one in document]
    assert seen == ([] if role is Role.READ else list(PERSONAL))


def test_the_settings_of_the_project_count(tmp_path: Path) -> None:
    settings = SETTINGS | {"serve": {"personal_data": {"hide": ["month"]}}}
    site = site_in(tmp_path, settings=settings)
    run = with_a_person(site)

    assert "2026-11<" not in main_of(site.client.get(f"/runs/{run}").text)


def test_who_starts_a_run_sees_what_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = "inputs: {email: {type: string}}\nsteps: [{notify: hi}]\n"
    site = acting_site(tmp_path, monkeypatch, workflow)

    page = site.client.post("/workflows/nightly/run", data={"input.email": "a@example.org"}).text

    assert "a@example.org" in page


def test_refusals_hide_it(site: Site) -> None:
    assert "a@example.org" not in main_of(site.client.get("/runs/a@example.org").text)
    assert "a@example.org" in site.client.get("/api/runs/a@example.org").text
