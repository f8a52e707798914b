"""The page of a workflow: what comes, how it ended, its file and the revisions of the file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.git_repositories import commit
from tests.web.acting import main_of
from tests.web.night import make_night
from tests.web.pages import Site


@pytest.fixture(autouse=True)
def _no_other_repository(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_last_revisions_and_what_they_changed_are_shown(site: Site) -> None:
    make_night(site)
    commit(site.folder, "workflows/export-bibs.yaml", "steps: [{wait: 1m}]\n", "Begin")
    text = "steps: [{wait: 2m}]  # <i>\n"
    commit(site.folder, "workflows/export-bibs.yaml", text, "<script>alert(1)</script>\u202e")

    page = main_of(site.client.get("/workflows/export-bibs").text)

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\u202e" not in page
    assert '<ins><span class="sign">+</span><code>steps: [{wait: 2m}]  # &lt;i&gt;</code>' in page
    assert '<del><span class="sign">−</span><code>steps: [{wait: 1m}]</code>' in page
    assert "differs from the last commit" not in page


def test_without_a_repository_a_sentence_says_why_there_are_no_revisions(site: Site) -> None:
    make_night(site)

    page = main_of(site.client.get("/workflows/export-bibs").text)

    assert "no revisions of its files" in page or "cannot be started" in page


def test_the_next_times_and_the_outcomes_are_shown(site: Site) -> None:
    make_night(site)
    site.store.pause("sync-patrons", by="anna", note="<b>moving</b>")

    page = main_of(site.client.get("/workflows/sync-patrons").text)

    assert page.count("will be skipped") == 8
    assert "paused by anna: &lt;b&gt;moving&lt;/b&gt;" in page
    assert "8 × " in page
