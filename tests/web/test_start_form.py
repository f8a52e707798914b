"""Starting a run on the page: the form, the confirmation, one run."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import pytest

from almaflow.cli import run_preview
from almaflow.web.security.people import Person, Role
from tests.web.acting import BY, HOSTILE, acting_site, hidden, log_of, main_of
from tests.web.pages import Site, site_in

ADDRESS = "/workflows/nightly/run"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = acting_site(tmp_path, monkeypatch)
    yield made
    made.store.close()


def confirmed(site: Site, **inputs: str) -> dict[str, str]:
    """Return the form of the confirmation for *inputs*."""
    written = {f"input.{name}": text for name, text in inputs.items()}
    page = site.client.post(ADDRESS, data=written)
    assert page.status_code == 200, page.text
    return written | {"key": hidden(page.text, "key"), "go": "start"}


def test_the_form_has_a_field_for_each_input_of_its_kind(site: Site) -> None:
    page = main_of(site.client.get(ADDRESS).text)

    assert 'type="text" id="field-input.name"' in page
    assert 'type="number" id="field-input.count"' in page
    assert 'min="1" max="10" step="1"' in page
    assert 'type="date" id="field-input.day"' in page
    assert '<textarea id="field-input.kinds"' in page
    assert page.count("<select") == 2
    assert '<option value="&lt;b&gt;">' in page
    assert "Left empty: {{ today }}." in page
    assert page.count(" required") == 1


def test_what_is_wrong_is_beside_its_field_and_the_values_are_kept(site: Site) -> None:
    written = {"input.name": "A1", "input.count": "77", "input.day": "x", "input.kinds": "a\r\nb"}

    page = site.client.post(ADDRESS, data=written)

    text = main_of(page.text)
    assert page.status_code == 400
    assert text.count('aria-invalid="true"') == 3
    assert 'value="A1"' in text
    assert 'value="77"' in text
    assert ">\na\nb</textarea>" in text
    assert 'id="field-input.count-error">It is 77, but must be at most 10.' in text
    assert site.store.runs() == []


def test_a_missing_value_is_asked_for(site: Site) -> None:
    page = site.client.post(ADDRESS, data={"go": "start"})

    assert page.status_code == 400
    assert "It needs a value." in page.text


def test_the_confirmation_shows_the_inputs_and_the_steps(site: Site) -> None:
    page = site.client.post(ADDRESS, data={"input.name": "abc"})

    text = main_of(page.text)
    assert page.status_code == 200
    for shown in ("abc", "2026-11-03", "sign", "nightly.yaml:12"):
        assert shown in text
    assert site.store.runs() == []


def test_a_confirmed_run_is_queued_once_however_often_it_is_sent(site: Site) -> None:
    form = confirmed(site, name="abc", kinds="x\r\ny")

    answers = [site.client.post(ADDRESS, data=form) for _ in range(3)]

    [run] = site.store.runs()
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {
        (303, f"/runs/{run.id}")
    }
    assert run.inputs["kinds"] == ["x", "y"]
    assert log_of(site, run.id) == [f"{BY} asked for this run."]


def test_the_inputs_can_be_changed_after_the_confirmation(site: Site) -> None:
    form = confirmed(site, name="abc") | {"go": "edit"}

    page = site.client.post(ADDRESS, data=form)

    assert page.status_code == 200
    assert 'value="abc"' in page.text


@pytest.mark.parametrize(
    "text", ["a\u202eb\u200d\ufeff", "  \u00a0x", "<b>&amp;\"'</b>", "x" * 30_000, "l\u0301\n1"]
)
def test_what_a_person_confirms_is_what_is_sent(site: Site, text: str) -> None:
    page = site.client.post(ADDRESS, data={"input.name": "abc", "input.text": text}).text
    sent = html.unescape(hidden(page, "input.text"))
    assert sent == text
    form = {"input.name": "abc", "input.text": sent, "key": hidden(page, "key"), "go": "start"}

    answer = site.client.post(ADDRESS, data=form)

    assert answer.status_code == 303
    assert site.store.runs()[0].inputs["text"] == text


def test_hostile_text_is_text_on_every_page(site: Site) -> None:
    wrong = site.client.post(ADDRESS, data={"input.name": HOSTILE})
    shown = site.client.post(ADDRESS, data={"input.name": "abc", "input.text": HOSTILE})

    assert (wrong.status_code, shown.status_code) == (400, 200)
    for page in (wrong, shown):
        assert "<script>alert" not in page.text
        assert "\\u202eevil" in page.text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\0b", "NUL character"),
        ("l7xx" + "0123456789abcdef" * 2, "looks like an Alma API key"),
        ("x" * 200_000, "longer than"),
    ],
)
def test_what_no_record_can_keep_is_refused(site: Site, text: str, why: str) -> None:
    page = site.client.post(ADDRESS, data={"input.name": "abc", "input.text": text})

    assert page.status_code == 400
    assert why in page.text


def test_a_field_that_is_no_input_changes_nothing(site: Site) -> None:
    page = site.client.post(ADDRESS, data={"input.name": "abc", "input.other": "x", "name": "y"})

    assert page.status_code == 200


def test_a_workflow_that_is_not_there_is_a_sentence(site: Site) -> None:
    page = site.client.get("/workflows/nightli/run")

    assert page.status_code in (400, 404)
    assert "did you mean `nightly`" in page.text


def test_a_file_that_is_not_valid_now_is_not_run(site: Site) -> None:
    site.client.get(ADDRESS)
    (site.folder / "workflows" / "nightly.yaml").write_text("steps: [{nothing: 1}]\n")
    site.clock.at = site.clock.at.replace(minute=45)

    page = site.client.get(ADDRESS)

    assert page.status_code == 400
    assert "<form" not in main_of(page.text)


def test_who_may_only_read_gets_no_form(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = site_in(tmp_path, person=Person("eve", Role.READ))

    assert reader.client.get(ADDRESS).status_code == 403
    assert reader.client.post(ADDRESS, data={"input.name": "abc"}).status_code == 403
    reader.store.close()


SENDING = """\
inputs: {note: {default: moved}}
steps:
  - id: items
    create_set: {name: "items {{ run.id }}", content: ITEM, members: ["39031025815805"]}
  - id: change
    submit_job:
      job: M18
      parameters: {STATISTICS_NOTE_2_value: "{{ inputs.note }}"}
      set: "{{ steps.items.set_id }}"
  - if: inputs.note == 'never'
    fail: Not this one.
"""


def test_the_confirmation_shows_the_requests_of_a_simulated_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = acting_site(tmp_path, monkeypatch, SENDING)

    text = html.unescape(main_of(site.client.post(ADDRESS, data={"input.note": "<b>lent"}).text))
    site.store.close()

    assert "POST /conf/sets" in text
    assert "POST /conf/jobs/M18?op=run" in text
    assert "STATISTICS_NOTE_2_value = <b>lent" in text
    assert "not reached in the simulation" in text
    assert "The simulated run ended as succeeded." in text


def test_a_run_that_takes_long_is_shown_as_far_as_it_was_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_preview, "LONGEST", -1.0)
    site = acting_site(tmp_path, monkeypatch, SENDING)

    page = site.client.post(ADDRESS, data={"input.note": "x", "go": ""})
    site.store.close()

    assert page.status_code == 200
    assert "was not played to its end" in page.text


def test_what_cannot_be_simulated_can_be_started_all_the_same(site: Site) -> None:
    (site.folder / "workflows" / "nightly.scenario.yaml").write_text("jobs: 7\n")

    page = site.client.post(ADDRESS, data={"input.name": "x"})

    assert page.status_code == 200
    assert "The requests cannot be shown" in page.text
    assert "Start the run" in page.text
