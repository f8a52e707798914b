"""The JSON API: its documents, its bounds and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from almaflow.operations.catalog import Catalog
from almaflow.outcome import Status
from almaflow.redaction import REDACTION
from almaflow.store import NewLogEntry
from tests.store.conftest import ManualClock
from tests.web.pages import NOW, Site, site_in
from tests.web.recorded import record_run

HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"


@pytest.fixture
def nightly(site: Site) -> Site:
    """A project with one workflow that is due every night."""
    folder = site.folder / "workflows"
    folder.mkdir()
    text = 'description: D\nschedule: [{id: night, cron: "30 2 * * *"}]\nsteps: [{wait: 1m}]\n'
    (folder / "nightly.yaml").write_text(text, encoding="utf-8")
    return site


# --- documents ------------------------------------------------------------------------------------


def test_runs_are_listed_page_by_page(site: Site) -> None:
    ids = [record_run(site, number) for number in range(1, 6)]

    first = site.client.get("/api/runs?limit=2&workflow=nightly")
    address = first.links["next"]["url"]
    second = site.client.get(address)
    last = site.client.get(second.links["next"]["url"])

    pages = [[run["id"] for run in page.json()["runs"]] for page in (first, second, last)]
    assert pages == [ids[:-3:-1], ids[-3:-5:-1], ids[:1]]
    assert "next" not in last.links


def test_runs_are_chosen_by_workflow_state_and_time(site: Site) -> None:
    ids = [record_run(site, number, workflow=f"w{number}") for number in range(1, 4)]

    def found(query: str) -> list[str]:
        return [run["id"] for run in site.client.get(f"/api/runs?{query}").json()["runs"]]

    assert found("workflow=w2") == [ids[1]]
    assert found("status=queued&limit=1") == [ids[2]]
    assert found("status=timed_out") == []
    assert found("since=90m") == [ids[0]]
    assert found("until=150m") == [ids[2]]


def test_a_run_and_its_log_are_found_by_a_part_of_the_id(site: Site) -> None:
    run_id = record_run(site, 1)
    lines = [NewLogEntry(NOW, "said", text=text) for text in "abc"]
    site.store.add_events(run_id, lines)

    run = site.client.get("/api/runs/last").json()
    log = site.client.get(f"/api/runs/{run_id[-5:]}/log?skip=1&limit=1").json()

    assert (run["id"], run["status"], run["tick"]) == (run_id, Status.QUEUED, None)
    assert [line["text"] for line in log["events"]] == ["b"]


def test_why_explains_a_run_and_names_a_workflow_that_never_ran(nightly: Site) -> None:
    record_run(nightly, 1, workflow="other")

    run = nightly.client.get("/api/why/other").json()
    never = nightly.client.get("/api/why/nightly")

    assert [one["causes"][0]["cause"] for one in run["runs"]] == ["nobody"]
    assert never.status_code == 404
    assert "no runs of `nightly` yet" in never.json()["error"]


def test_coming_ticks_know_pauses(nightly: Site) -> None:
    nightly.store.pause("nightly", by="anna", note="", until=NOW + timedelta(days=1))

    ticks = nightly.client.get("/api/next?limit=2&workflow=nightly").json()

    assert [tick["at"] for tick in ticks] == [
        "2026-11-04T02:30:00+01:00",
        "2026-11-05T02:30:00+01:00",
    ]
    assert [tick["skipped"] for tick in ticks] == ["paused by anna", None]


def test_workflows_come_with_their_timetables_and_invalid_files_with_a_reason(
    nightly: Site,
) -> None:
    (nightly.folder / "workflows" / "broken.yaml").write_text("steps: 1\n", encoding="utf-8")
    run_id = record_run(nightly, 1, workflow="nightly")

    found = nightly.client.get("/api/workflows").json()

    [workflow] = found["workflows"]
    assert (workflow["name"], workflow["file"]) == ("nightly", "workflows/nightly.yaml")
    assert workflow["schedule"][0]["next_at"] == "2026-11-04T02:30:00+01:00"
    assert workflow["last_run"]["id"] == run_id
    assert list(found["invalid"]) == ["workflows/broken.yaml"]


def test_a_changed_file_is_read_again(nightly: Site) -> None:
    clock = ManualClock()
    nightly.app.state.catalog = Catalog(nightly.store, clock)
    nightly.client.get("/api/workflows")
    file = nightly.folder / "workflows" / "nightly.yaml"
    file.write_text("name: other\nsteps: [{wait: 1m}]\n", encoding="utf-8")
    clock.move(2)

    found = nightly.client.get("/api/workflows").json()

    assert [one["name"] for one in found["workflows"]] == ["other"]


def test_the_health_says_whether_the_scheduler_works(site: Site) -> None:
    assert site.client.get("/api/health").json() == {
        "version": "1.2.3",
        "timezone": "Europe/Zurich",
        "leading": True,
        "alive": True,
    }


def test_processes_are_listed(site: Site) -> None:
    process = site.store.enter_process("shelf", 4711, "1.2.3")

    [found] = site.client.get("/api/workers").json()

    assert (found["id"], found["host"], found["state"]) == (process.id, "shelf", "lives")


# --- what comes from outside ----------------------------------------------------------------------


@pytest.fixture
def secret() -> Iterator[str]:
    REDACTION.know(["open-sesame-123"])
    yield "open-sesame-123"
    REDACTION.forget()


def test_secrets_are_starred_and_every_character_can_be_seen(site: Site, secret: str) -> None:
    record_run(site, 1, workflow=HOSTILE, error=f"it was {secret}")

    page = site.client.get("/api/runs")

    assert page.json()["runs"][0]["workflow"] == HOSTILE
    assert secret not in page.text
    assert page.text.isascii()
    assert page.text.isprintable()
    assert page.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "address",
    [
        "runs?limit=0",
        "runs?limit=201",
        "runs?limit=many",
        "runs?status=happy",
        "runs?since=yesterday",
        "runs?workflow=a%00b",
        f"runs?workflow={'w' * 101}",
        "runs/last/log?limit=10001",
        "runs/last/log?skip=-1",
        "ticks?ending=mised",
        "ticks?ending=open&ending=run",
        "ticks?since=9999999999d",
        "next?until=2020-01-01",
        "next?workflow=no-such",
        f"why/{'w' * 101}",
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence_and_a_code(site: Site, address: str) -> None:
    answer = site.client.get(f"/api/{address}")

    assert answer.status_code == 422
    document = answer.json()
    assert set(document) == {"error", "code"}
    assert document["error"].endswith((".", "?"))
    assert document["code"] in ("parameter-wrong", "request-wrong")


@pytest.mark.parametrize("address", ["runs/zzzzz", "runs/zzzzz/log", "why/zzzzz", "runs?cursor=z"])
def test_what_is_not_there_is_not_found(site: Site, address: str) -> None:
    answer = site.client.get(f"/api/{address}")

    assert (answer.status_code, answer.json()["code"]) == (404, "run-not-found")


def test_no_name_in_an_address_reads_a_file(site: Site) -> None:
    outside = site.folder / "secret.yaml"
    outside.write_text("name: secret\nsteps: [{wait: 1m}]\n", encoding="utf-8")

    answers = [
        site.client.get("/api/next", params={"workflow": str(outside)[-100:]}),
        site.client.get("/api/ticks", params={"workflow": "secret.yaml"}),
        site.client.get("/api/why/secret.yaml"),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 404]


# --- the description ------------------------------------------------------------------------------


def test_every_route_is_described_with_its_answer_and_its_refusals(site: Site) -> None:
    document = site.client.get("/api/openapi.json").json()

    for path, operations in document["paths"].items():
        assert path.startswith("/api/")
        for operation in operations.values():
            assert operation["description"], path
            done = "202" if "202" in operation["responses"] else "200"
            for status in (done, "404", "422"):
                schema = operation["responses"][status]["content"]["application/json"]["schema"]
                assert schema, (path, status)


def test_the_description_names_nothing_elsewhere(site: Site) -> None:
    text = json.dumps(site.client.get("/api/openapi.json").json())

    assert "http://" not in text.replace("http://127.0.0.1", "")
    assert site.client.get("/docs").status_code == 404


def test_two_sites_do_not_share_workflows(tmp_path: Path, nightly: Site) -> None:
    other = site_in(tmp_path / "other")

    assert other.client.get("/api/workflows").json()["workflows"] == []
    assert nightly.client.get("/api/workflows").json()["workflows"]
    other.store.close()


def test_a_page_shows_every_route_and_document(site: Site) -> None:
    described = site.client.get("/api/openapi.json").json()

    page = site.client.get("/documentation/api")

    assert page.status_code == 200
    for path in described["paths"]:
        assert f" {path}</code>" in page.text
    for name in described["components"]["schemas"]:
        assert f'id="document-{name}"' in page.text


def test_the_description_of_the_api_explains_fields(site: Site) -> None:
    schemas = site.client.get("/api/openapi.json").json()["components"]["schemas"]
    assert "resume" in schemas["RunSummary"]["properties"]["held"]["description"]
    assert schemas["JobView"]["properties"]["next_run_at"]["description"].startswith("ISO 8601")
