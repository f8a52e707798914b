"""The last revisions of a file in git, also in repositories that want to run a program."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from almaflow.operations import git_reading
from almaflow.operations.revisions import MOST_REVISIONS, Histories, Sign, file_history
from tests.web.pages import NOW, HandClock

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

IDENTITY = ("-c", "user.name=Anna", "-c", "user.email=anna@example.org")


@pytest.fixture(autouse=True)
def _no_other_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)


def git(folder: Path, *words: str, text: bytes = b"") -> str:
    command = ["git", "-C", str(folder), *IDENTITY, *words]
    done = subprocess.run(command, check=True, input=text, capture_output=True, timeout=30)
    return done.stdout.decode()


def commit(folder: Path, name: str, text: str, subject: str) -> Path:
    """Write a file and commit it."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    folder.joinpath(name).write_text(text, "utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "--allow-empty-message", "-m", subject)
    return folder / name


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
    """Each setting that names a program names one that leaves a mark."""
    commit(tmp_path, "a.yaml", "one\n", "First")
    file = commit(tmp_path, "a.yaml", "two\n", "Second")
    mark = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{mark}'\n")
    program.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        shutil.copy(program, hooks / name)
        shutil.copy(program, tmp_path / ".git" / "hooks" / name)
    (tmp_path / ".gitattributes").write_text("*.yaml diff=evil filter=evil\n")
    (tmp_path / ".git" / "info" / "attributes").write_text("*.yaml diff=evil filter=evil\n")
    for name in (
        *("core.fsmonitor", "core.pager", "pager.log", "core.editor", "core.sshCommand"),
        *("core.askPass", "core.gitProxy", "core.alternateRefsCommand", "diff.external"),
        *("diff.evil.command", "diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge"),
        *("filter.evil.process", "gpg.program", "gpg.ssh.program", "alias.log", "alias.cat-file"),
        *("credential.helper", "uploadpack.packObjectsHook", "sequence.editor"),
    ):
        git(tmp_path, "config", name, str(program))
    git(tmp_path, "config", "core.hooksPath", str(hooks))
    git(tmp_path, "config", "log.showSignature", "true")
    git(tmp_path, "config", "color.ui", "always")
    sign_last_commit(tmp_path)
    lose_a_blob(tmp_path, program)
    plain = ["git", "-C", str(tmp_path), "log", "-p", "a.yaml"]
    subprocess.run(plain, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)
    assert mark.exists(), "the trap does not work"
    mark.unlink()

    history = file_history(file)

    assert not mark.exists(), mark.read_text()
    assert history.problem or history.revisions


def sign_last_commit(folder: Path) -> None:
    """Give the last commit a signature that a program would check."""
    head, _, message = git(folder, "cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    text = f"{head}\n{signature}\n\n{message}".encode()
    new = git(folder, "hash-object", "-t", "commit", "-w", "--stdin", text=text).strip()
    (folder / ".git" / "refs" / "heads" / "master").write_text(f"{new}\n")
    git(folder, "symbolic-ref", "HEAD", "refs/heads/master")


def lose_a_blob(folder: Path, program: Path) -> None:
    """Make the repository a partial clone that lacks a file, and that a program would fetch."""
    blob = git(folder, "rev-parse", "HEAD~1:a.yaml").strip()
    folder.joinpath(".git", "objects", blob[:2], blob[2:]).unlink()
    for name, value in (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", f"ext::{program} %S"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.uploadpack", str(program)),
        ("protocol.ext.allow", "always"),
        ("protocol.allow", "always"),
    ):
        git(folder, "config", name, value)


def test_a_history_is_read_again_after_some_seconds(tmp_path: Path) -> None:
    clock = HandClock(NOW)
    histories = Histories(clock)
    file = commit(tmp_path, "a.yaml", "one\n", "First")
    assert len(histories.of(file).revisions) == 1

    commit(tmp_path, "a.yaml", "two\n", "Second")
    assert len(histories.of(file).revisions) == 1
    clock.advance(timedelta(seconds=11))

    assert len(histories.of(file).revisions) == 2
