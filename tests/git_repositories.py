"""Repositories of git for tests, also ones whose settings name programs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

IDENTITY = ("-c", "user.name=Anna", "-c", "user.email=anna@example.org")


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


def set_traps(folder: Path) -> Path:
    """Let each setting that names a program name one that leaves a mark; return the mark.

    The repository is on `master`, has two commits of `a.yaml`, and lacks the older file.
    """
    mark = folder / "ran"
    program = folder / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{mark}'\n")
    program.chmod(0o755)
    hooks = folder / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        shutil.copy(program, hooks / name)
        shutil.copy(program, folder / ".git" / "hooks" / name)
    (folder / ".gitattributes").write_text("*.yaml diff=evil filter=evil\n")
    (folder / ".git" / "info" / "attributes").write_text("*.yaml diff=evil filter=evil\n")
    for name in (
        *("core.fsmonitor", "core.pager", "pager.log", "core.editor", "core.sshCommand"),
        *("core.askPass", "core.gitProxy", "core.alternateRefsCommand", "diff.external"),
        *("diff.evil.command", "diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge"),
        *("filter.evil.process", "gpg.program", "gpg.ssh.program", "alias.log", "alias.cat-file"),
        *("credential.helper", "uploadpack.packObjectsHook", "sequence.editor"),
    ):
        git(folder, "config", name, str(program))
    git(folder, "config", "core.hooksPath", str(hooks))
    git(folder, "config", "log.showSignature", "true")
    git(folder, "config", "color.ui", "always")
    sign_last_commit(folder)
    lose_a_blob(folder, program)
    plain = ["git", "-C", str(folder), "log", "-p", "a.yaml"]
    subprocess.run(plain, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)
    assert mark.exists(), "the trap does not work"
    mark.unlink()
    return mark


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
