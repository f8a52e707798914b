"""The key that signs the sessions of the web page: a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.settings import Project
from almaflow.store import read_url
from almaflow.text_files import FileUnreadable, read_bytes

_NAME = "page.key"
# Bytes: as many as SHA-256 has.
_LENGTH = 32


def session_key(project: Project) -> bytes:
    """Return the key, made by the first `serve`; Raises: RequestWrong, AlmaflowError.

    It is next to a store in SQLite, else in `.almaflow` of the project. Who deletes it ends every
    session.
    """
    location = read_url(project.store_url)
    folder = location.file.parent if location.file is not None else project.folder / ".almaflow"
    file = folder / _NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(file)
        key = read_bytes(file, _LENGTH)
    except OSError as error:
        raise AlmaflowError(
            f"The key for the sessions of the page cannot be kept in {file}: "
            f"{error.strerror or error}. Make that folder writable, or write `serve: {{page: "
            "false}` in almaflow.yaml."
        ) from error
    except FileUnreadable:
        # A folder, a named pipe or a longer file: certainly not what almaflow wrote.
        key = b""
    if len(key) != _LENGTH:
        raise RequestWrong(
            f"The file {file} does not hold the key for the sessions of the page. Delete it; "
            "`almaflow serve` makes a new one, and everyone logs in again."
        )
    return key


def _make(file: Path) -> None:
    """Write a new key, for its owner only, unless there is one."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
    if os.path.lexists(file):
        return
    # Written aside and linked in, so that a second process never reads half a key.
    aside = file.with_name(f"{_NAME}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(aside, flags, 0o600), "wb") as stream:
        stream.write(secrets.token_bytes(_LENGTH))
    if os.path.lexists(file):
        aside.unlink()
    else:
        aside.rename(file)
