"""Reading git: its answers are bounded in size and time, and a repository cannot run a program.

What a repository's own configuration could start is switched off: a monitor of files, hooks, a
pager, programs that show differences or check signatures, and every way to fetch what a partial
clone lacks. The configuration of the account and of the machine counts: git needs it to trust a
folder that belongs to another account.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from almaflow.errors import AlmaflowError

SECONDS = 5.0
"""How long git may take."""
LARGEST = 2 * 1024 * 1024
"""Bytes of an answer that are read; the rest is left out."""

_OFF = (
    *(
        "core.fsmonitor=false",
        f"core.hooksPath={os.devnull}",
        "core.pager=cat",
        "core.editor=false",
    ),
    *("core.sshCommand=false", "core.askPass=false", "credential.helper=", "protocol.allow=never"),
    *("gpg.program=false", "gpg.ssh.program=false", "gpg.x509.program=false"),
    *("log.showSignature=false", "diff.external=", "diff.trustExitCode=false"),
)
_ENVIRONMENT = {
    # No transport at all: git would fetch what a partial clone lacks, with programs that the
    # repository names.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
_EXTERNAL = ("GIT_EXTERNAL_DIFF", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_PROXY_COMMAND", "GIT_ASKPASS")


class GitUnreadable(AlmaflowError):
    """Git is not there, or cannot answer; the message is a sentence for people."""


def read_git(
    folder: Path,
    *arguments: str,
    given: bytes = b"",
    settings: Sequence[str] = (),
    most: int | None = None,
    seconds: float = SECONDS,
) -> bytes:
    """Return what git prints for *arguments* in *folder*, at most *most* bytes of it.

    *given* is what git reads from its standard input; *settings* are further ones for this call,
    such as those of `without_filters`; *most* is `LARGEST` when it is None.

    Raises:
        GitUnreadable: git is not installed, *folder* is not in a repository, git does not trust
            it, fails, or takes longer than *seconds*.
    """
    options = [word for setting in (*_OFF, *settings) for word in ("-c", setting)]
    command = ["git", "--no-pager", "--literal-pathspecs", *options, "-C", str(folder), *arguments]
    environment = {name: text for name, text in os.environ.items() if name not in _EXTERNAL}
    # Files and not pipes: git never waits for a reader, so the time is bounded in any case.
    with (
        tempfile.TemporaryFile() as question,
        tempfile.TemporaryFile() as answer,
        tempfile.TemporaryFile() as complaint,
    ):
        question.write(given)
        question.seek(0)
        try:
            done = subprocess.run(
                command,
                stdin=question,
                stdout=answer,
                stderr=complaint,
                env=environment | _ENVIRONMENT,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise GitUnreadable(f"Git did not answer within {seconds:.0f} seconds.") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise GitUnreadable(f"Git cannot be started on this machine: {reason}.") from error
        if done.returncode:
            complaint.seek(0)
            raise GitUnreadable(_sentence(complaint.read(2000).decode("utf-8", "replace")))
        answer.seek(0)
        return answer.read(LARGEST if most is None else most)


def without_filters(folder: Path) -> list[str]:
    """Return settings that let no filter of the repository, or of the account, run.

    A filter changes a file on its way into git. Its name is free, so each has to be named.

    Raises:
        GitUnreadable: as `read_git`.
    """
    names = read_git(folder, "config", "--list", "--name-only", "-z").decode("utf-8", "replace")
    filters = {one.rpartition(".")[0] for one in names.split("\0") if one.startswith("filter.")}
    keys = ("clean=", "smudge=", "process=", "required=false")
    return [f"{one}.{key}" for one in sorted(filters) for key in keys]


def _sentence(complaint: str) -> str:
    """Return what a complaint of git means."""
    if "not a git repository" in complaint:
        return "The project is not in a git repository, so there are no revisions of its files."
    if "dubious ownership" in complaint:
        return (
            "The git repository belongs to another account, and git does not trust it. As the "
            "account that runs almaflow, use `git config --global --add safe.directory FOLDER`."
        )
    if "does not have any commits" in complaint or "ambiguous argument 'HEAD'" in complaint:
        return "The git repository has no commits yet."
    lines = complaint.strip().splitlines()
    return f"Git cannot read this repository: {(lines or ['it gives no reason'])[0]}"
