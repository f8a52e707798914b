"""Puts the web page of `almaflow serve` together."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from almaflow import __version__
from almaflow.cli import bootstrap
from almaflow.cli.prompts import who
from almaflow.clock import Clock
from almaflow.engine.log import Log
from almaflow.errors import AlmaflowError, DocumentsInvalid, RequestWrong
from almaflow.loopback import is_loopback
from almaflow.operations.alma_reading import PageReader
from almaflow.operations.previews import Preview
from almaflow.redaction import Mask
from almaflow.scheduler.scheduler import Scheduler
from almaflow.settings import FILE_NAME, Project, find_project
from almaflow.settings.serving import PAGE, PageAddress
from almaflow.store import read_url
from almaflow.text_files import FileUnreadable, read_bytes
from almaflow.web.app import build_app
from almaflow.web.context import Health, WebContext
from almaflow.web.security.border import make_gate
from almaflow.web.security.people import person_here
from almaflow.web.server import PageRefused, PageServer
from almaflow.workflow_loader import LoadedWorkflow

if TYPE_CHECKING:
    from almaflow.engine.alma_writes.institutions import InstitutionConnection


def serve_page(
    project: Project,
    address: PageAddress,
    service: Scheduler,
    clock: Clock,
    log: Log,
    remaining_calls: Callable[[], Mapping[str, int]],
    wake: Callable[[], None],
) -> Callable[[], None] | None:
    """Serve the page at *address*, and return what ends that; None: there is none.

    A port that is busy is an error when almaflow.yaml names it. The default address may belong to
    the `serve` of another project or to a standby: then timetables matter more than the page.

    Raises:
        RequestWrong: the page cannot be served there.
        StoreError: the store cannot be opened once more.
    """
    with ExitStack() as parts:
        # A separate connection: a large page must not delay the scheduler's transactions.
        store = parts.enter_context(bootstrap.open_store(project, clock))
        settings = _Settings(project)
        context = WebContext(
            store=store,
            clock=clock,
            project=settings,
            version=__version__,
            health=lambda: Health(leading=service.leading, alive=service.is_alive()),
            remaining_calls=remaining_calls,
            wake=wake,
            log=log,
            mask=Mask(project.known_secrets()),
            chance=random.SystemRandom(),
            alma=PageReader(partial(_open_institution, settings)),
            preview=_preview,
        )
        gate = make_gate(project, address, clock, key=session_key(project), here=person_here(who()))
        app = build_app(context, gate)
        try:
            server = PageServer(app, address)
        except PageRefused as error:
            if not (error.is_busy and address.netloc == PAGE):
                raise
            log(f"There is no page: {error}", level="warning")
            return None
        server.start()
        parts.callback(server.stop)
        public = project.settings.serving.url or f"http://{server.address.netloc}"
        if not (is_loopback(address.host) or public.startswith("https:")):
            log(
                "Passwords and tokens reach the page unencrypted. Put a proxy with https in front "
                "of it, and write its address as `serve: {url: https://…}` in almaflow.yaml.",
                level="warning",
            )
        log(f"The page is at {public}/.", page=public)
        return parts.pop_all().close


def _open_institution(settings: _Settings, institution: str | None) -> InstitutionConnection:
    project = settings()
    mask = Mask(project.known_secrets(strict=False))
    return bootstrap.live_connections(project, mask)(project.institution(institution).name)


def _preview(project: Project, loaded: LoadedWorkflow, values: Mapping[str, Any]) -> Preview:
    # The simulator is imported when the first person asks for it.
    from almaflow.cli.run_preview import preview

    return preview(project, loaded, values)


class _Settings:
    """almaflow.yaml as it is now, read when the file changed; an invalid edit waits."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._file = project.folder / FILE_NAME
        self._read = self._signature()

    def __call__(self) -> Project:
        """Return the settings; safe to call from any thread."""
        signature = self._signature()
        if signature != self._read:
            self._read = signature
            with suppress(DocumentsInvalid):
                self._project = find_project(self._project.folder)
        return self._project

    def _signature(self) -> tuple[int, int] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


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
