"""Saying on the page what became of a lost submission, with what Alma lists."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from almaflow.cli import bootstrap
from almaflow.clock import SystemClock
from almaflow.engine.alma_writes.institutions import InstitutionConnection
from almaflow.operations.alma_reading import NoAlma, PageReader
from almaflow.redaction import Mask
from almaflow.settings import find_project
from tests.cli.past import KEY, Past
from tests.cli.test_resolve import SEVERAL, WORKFLOW
from tests.web.acting import BY, log_of
from tests.web.pages import HandClock, Site


def lose(folder: Path) -> tuple[Past, str]:
    """Play a run whose submission is lost, and return its id."""
    past = Past(folder, SEVERAL)
    return past, past.run(WORKFLOW).record.id


@contextmanager
def lost(past: Past, run: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Site, str, str]]:
    """Yield the page of a run whose submission is lost, its id, and the id of our instance."""
    ours = past.submissions[0].instance_id
    with past.now(monkeypatch) as store:
        project = find_project(past.folder)

        def open_institution(name: str | None) -> InstitutionConnection:
            connections = bootstrap.live_connections(project, Mask(()))
            return connections(project.institution(name).name)

        site = Site(store, HandClock(SystemClock().now()), past.folder)
        alma = PageReader(open_institution)
        site.app.state.context = replace(site.context, project=lambda: project, alma=alma)
        yield site, run, str(ours)


def test_the_instances_of_alma_are_listed_and_one_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lost(*lose(tmp_path), monkeypatch) as (site, run, ours):
        waiting = site.client.get("/approvals").text
        page = site.client.get(f"/runs/{run}/resolve?step=job").text
        form = {"step": "job", "answer": ours}
        nothing = site.client.post(f"/runs/{run}/resolve", data={"step": "job"})
        wrong = site.client.post(
            f"/runs/{run}/resolve",
            data={"step": "job", "answer": "another instance", "instance": "999"},
        )
        assert site.store.answers([run]) == []
        answer = site.client.post(f"/runs/{run}/resolve", data=form)

        assert f'href="/runs/{run}/resolve?step=job"' in waiting
        assert f'name="answer" value="{ours}"' in page
        assert (nothing.status_code, wrong.status_code) == (400, 400)
        assert 'value="999"' in wrong.text
        assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run}")
        [decision] = site.store.answers([run])
        assert (decision.by, decision.value["instance_id"]) == (BY, ours)
        assert site.store.orphans() == [run]
        assert log_of(site, run) == [
            f"{BY} confirmed that the submission of step job runs in Alma as {ours}."
        ]


def test_the_form_is_there_when_alma_cannot_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lost(*lose(tmp_path), monkeypatch) as (site, run, ours):
        context = site.app.state.context
        site.app.state.context = replace(context, alma=NoAlma())

        page = site.client.get(f"/runs/{run}/resolve?step=job")
        answer = site.client.post(f"/runs/{run}/resolve", data={"step": "job", "answer": ours})

        assert page.status_code == 200
        assert "list cannot be shown now" in page.text
        assert answer.status_code == 400
        assert site.store.answers([run]) == []


def test_the_key_of_the_institution_is_on_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lost(*lose(tmp_path), monkeypatch) as (site, run, _):
        assert os.environ[KEY] not in site.client.get(f"/runs/{run}/resolve?step=job").text
