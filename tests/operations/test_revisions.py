"""The last revisions of a file in git, also in repositories that want to run a program."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from almaflow import git_reading
from almaflow.operations.revisions import MOST_REVISIONS, Histories, Sign, file_history
from tests.git_repositories import commit, git, set_traps
from tests.web.pages import NOW, HandClock

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture(autouse=True)
def _no_other_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_revisions_name_who_when_and_what_changed(tmp_path: Path) -> None:
    commit(tmp_path, "a.yaml", "steps:\n  - wait: 1m\n", "Wait a minute")
    file = commit(tmp_path, "a.yaml", "steps:\n  - wait: 2m\n", "Wait <b>longer</b> über Nacht")

    history = file_history(file)

    last, first = history.revisions
    assert (last.subject, last.author) == ("Wait <b>longer</b> über Nacht", "Anna")
    assert [(line.sign, line.text) for line in last.lines[1:]] == [
        (Sign.SAME, "steps:"),
        (Sign.REMOVED, "  - wait: 1m"),
        (Sign.ADDED, "  - wait: 2m"),
    ]
    assert (first.added, first.removed) == (2, 0)
    assert len(last.commit) == 40
    assert not history.is_changed
    assert not history.problem


def test_revisions_under_an_earlier_name_count(tmp_path: Path) -> None:
    commit(tmp_path, "old.yaml", "steps:\n  - wait: 1m\n", "First")
    git(tmp_path, "mv", "old.yaml", "[new].yaml")
    git(tmp_path, "commit", "-q", "--allow-empty-message", "-m", "")

    history = file_history(tmp_path / "[new].yaml")

    assert [one.subject for one in history.revisions] == ["", "First"]
    assert history.revisions[0].lines == ()


def test_a_change_that_is_not_committed_is_noticed(tmp_path: Path) -> None:
    file = commit(tmp_path, "a.yaml", "one\n", "First")
    file.write_bytes(b"one\r\n")
    assert not file_history(file).is_changed

    file.write_text("two\n")

    assert file_history(file).is_changed


def test_revisions_and_lines_are_bounded(tmp_path: Path) -> None:
    for number in range(MOST_REVISIONS + 2):
        text = "".join(f"{number} {line}\n" for line in range(3000))
        file = commit(tmp_path, "a.yaml", text, f"{number}")

    history = file_history(file)

    assert 0 < len(history.revisions) <= MOST_REVISIONS
    assert all(one.is_cut for one in history.revisions)


def test_an_answer_that_is_cut_keeps_what_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(tmp_path, "a.yaml", "x\n" * 100, "First")
    file = commit(tmp_path, "a.yaml", "y\n" * 100, "Second")
    monkeypatch.setattr(git_reading, "LARGEST", 300)
    monkeypatch.setattr("almaflow.operations.revisions.LARGEST", 300)

    (only,) = file_history(file).revisions

    assert only.subject == "Second"
    assert only.is_cut


def test_outside_a_repository_a_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    file = tmp_path / "a.yaml"
    file.write_text("x")

    assert "not in a git repository" in file_history(file).problem


def test_a_repository_without_commits_and_a_new_file_have_sentences(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    file = tmp_path / "a.yaml"
    file.write_text("x")
    assert "no commits" in file_history(file).problem

    commit(tmp_path, "b.yaml", "x", "Another file")
    git(tmp_path, "rm", "-q", "--cached", "a.yaml")
    git(tmp_path, "commit", "-q", "--amend", "-m", "Another file")

    assert "no commit with this file" in file_history(file).problem


def test_without_git_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "cannot be started" in file_history(tmp_path / "a.yaml").problem


def test_git_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, timeout: float, **__: object) -> None:
        raise subprocess.TimeoutExpired("git", timeout)

    monkeypatch.setattr(subprocess, "run", never)

    assert "within 5 seconds" in file_history(tmp_path / "a.yaml").problem


def test_another_accounts_repository_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    file = commit_as_owner(tmp_path, monkeypatch)

    assert "safe.directory" in file_history(file).problem


def commit_as_owner(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with monkeypatch.context() as meanwhile:
        meanwhile.delenv("GIT_TEST_ASSUME_DIFFERENT_OWNER")
        return commit(folder, "a.yaml", "x", "First")


def test_no_setting_of_a_repository_runs_a_program(tmp_path: Path) -> None:
    commit(tmp_path, "a.yaml", "one\n", "First")
    file = commit(tmp_path, "a.yaml", "two\n", "Second")
    mark = set_traps(tmp_path)

    history = file_history(file)

    assert not mark.exists(), mark.read_text()
    assert history.problem or history.revisions


def test_a_history_is_read_again_after_some_seconds(tmp_path: Path) -> None:
    clock = HandClock(NOW)
    histories = Histories(clock)
    file = commit(tmp_path, "a.yaml", "one\n", "First")
    assert len(histories.of(file).revisions) == 1

    commit(tmp_path, "a.yaml", "two\n", "Second")
    assert len(histories.of(file).revisions) == 1
    clock.advance(timedelta(seconds=11))

    assert len(histories.of(file).revisions) == 2
