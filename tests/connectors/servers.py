"""Real servers on this machine's loopback, started by tests, each with what tests make it do."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import asyncssh
from aiosmtpd.controller import Controller

with warnings.catch_warnings():
    # Python 3.11's asyncore, which it uses there.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
    from pyftpdlib.servers import ThreadedFTPServer

USER, PASSWORD = "alma", "s3cret-w0rd"


@dataclass
class Trouble:
    """What a server does instead of its work, while it is set."""

    busy: bool = False
    """It asks whoever comes to come later, or hangs up."""
    breaks: int = 0
    """So many transfers break off in the middle."""
    logins: int = 0
    """How many have been let in."""


@dataclass
class Started:
    """A server that runs: *root* is the folder that it shows."""

    port: int
    root: Path
    trouble: Trouble = field(default_factory=Trouble)
    host_key: str = ""


# --- SFTP -----------------------------------------------------------------------------------------


@contextmanager
def sftp_server(root: Path) -> Iterator[Started]:
    """Serve *root* over SFTP, by a key of its own."""
    started = Started(0, root)
    key = asyncssh.generate_private_key("ssh-ed25519")
    started.host_key = key.export_public_key().decode().strip()
    connections: list[asyncssh.SSHServerConnection] = []

    class Server(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            connections.append(conn)
            if started.trouble.busy:
                conn.abort()

        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            started.trouble.logins += 1
            return (username, password) == (USER, PASSWORD)

    class Files(asyncssh.SFTPServer):
        def __init__(self, chan: Any) -> None:
            self.chan = chan
            super().__init__(chan, chroot=str(root).encode())

        def read(self, file_obj: Any, offset: int, size: int) -> Any:
            if started.trouble.breaks and offset:
                started.trouble.breaks -= 1
                self.chan.get_connection().abort()
            return super().read(file_obj, offset, size)

    async def serve(ready: threading.Event, stop: asyncio.Event) -> None:
        async with asyncssh.listen(
            "127.0.0.1", 0, server_factory=Server, server_host_keys=[key], sftp_factory=Files
        ) as listening:
            started.port = listening.get_port()
            ready.set()
            await stop.wait()
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(one.wait_closed() for one in connections))

    with _in_thread(serve):
        yield started


@contextmanager
def _in_thread(serve: Any) -> Iterator[None]:
    """Run an async server in a loop of its own until the block ends."""
    ready, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def main() -> None:
        await serve(ready, stop)
        # What its connections still do ends with it.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    assert ready.wait(20)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


# --- FTP ------------------------------------------------------------------------------------------


@contextmanager
def ftp_server(
    root: Path, certificate: Path | None = None, *, old: bool = False
) -> Iterator[Started]:
    """Serve *root* over FTP, with *certificate* over TLS; an *old* server knows no MLSD."""
    started = Started(0, root)
    users = DummyAuthorizer()
    users.add_user(USER, PASSWORD, str(root), perm="elr")
    kind: Any = TLS_FTPHandler if certificate else FTPHandler

    class Handler(kind):  # type: ignore[misc]
        authorizer = users
        auth_failed_timeout = 0
        proto_cmds = {
            name: it for name, it in FTPHandler.proto_cmds.items() if name != "MLSD" or not old
        } | ({} if certificate is None else TLS_FTPHandler.proto_cmds)

        def ftp_USER(self, line: str) -> None:
            if started.trouble.busy:
                self.respond("421 Too many connections.")
            else:
                super().ftp_USER(line)

        def on_login(self, username: str) -> None:
            started.trouble.logins += 1

        def ftp_RETR(self, file: str) -> Any:
            if started.trouble.breaks:
                started.trouble.breaks -= 1
                self.respond("426 Connection closed; transfer aborted.")
                return None
            return super().ftp_RETR(file)

    if certificate is not None:
        Handler.certfile = str(certificate)
        Handler.tls_control_required = Handler.tls_data_required = True
    with _quiet_pyftpdlib():
        server = ThreadedFTPServer(("127.0.0.1", 0), Handler)
        started.port = server.address[1]
        thread = threading.Thread(target=lambda: server.serve_forever(timeout=0.05))
        thread.start()
        try:
            yield started
        finally:
            server.close_all()
            thread.join(20)


@contextmanager
def _quiet_pyftpdlib() -> Iterator[None]:
    logger, quiet = logging.getLogger("pyftpdlib"), logging.NullHandler()
    logger.addHandler(quiet)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(quiet)


# --- HTTP: S3 and web hooks -----------------------------------------------------------------------


@contextmanager
def _http_server(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(20)


@contextmanager
def s3_server(root: Path) -> Iterator[Started]:
    """Speak as much of S3 as reading takes; the buckets are the folders in *root*."""
    started = Started(0, root)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
            if self._is_refused(bucket):
                return
            if key:
                self._object(root / bucket / key)
            else:
                self._list(bucket, {name: it[0] for name, it in parse_qs(parts.query).items()})

        do_HEAD = do_GET

        def _is_refused(self, bucket: str) -> bool:
            if started.trouble.busy:
                self._error(503, "SlowDown")
            elif f"Credential={USER}/" not in self.headers.get("Authorization", ""):
                self._error(403, "InvalidAccessKeyId")
            elif not (root / bucket).is_dir():
                self._error(404, "NoSuchBucket")
            else:
                return False
            return True

        def _list(self, bucket: str, query: dict[str, str]) -> None:
            prefix = query.get("prefix", "")
            files = sorted(it for it in (root / bucket).rglob("*") if it.is_file())
            keys = [(it.relative_to(root / bucket).as_posix(), it) for it in files]
            found = [(key, it) for key, it in keys if key.startswith(prefix)]
            plain = [(key, it) for key, it in found if "/" not in key.removeprefix(prefix)]
            folders = {
                prefix + key.removeprefix(prefix).partition("/")[0] + "/"
                for key, _ in found
                if "/" in key.removeprefix(prefix)
            }
            body = "".join(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{_instant(it)}</LastModified>"
                f"<ETag>&quot;{_etag(it)}&quot;</ETag><Size>{it.stat().st_size}</Size>"
                "<StorageClass>STANDARD</StorageClass></Contents>"
                for key, it in plain
            ) + "".join(
                f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>"
                for one in sorted(folders)
            )
            self._answer(
                200,
                '<?xml version="1.0" encoding="UTF-8"?>'
                '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix>"
                f"<KeyCount>{len(plain) + len(folders)}</KeyCount><MaxKeys>1000</MaxKeys>"
                f"<IsTruncated>false</IsTruncated>{body}</ListBucketResult>",
            )

        def _object(self, file: Path) -> None:
            if not file.is_file():
                self._error(404, "NoSuchKey")
                return
            content, status, more = file.read_bytes(), 200, {}
            asked = self.headers.get("Range", "")
            if asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                end = min(int(last or len(content) - 1), len(content) - 1)
                more = {"Content-Range": f"bytes {first}-{end}/{len(content)}"}
                content, status = content[int(first) : end + 1], 206
            headers = {"ETag": f'"{_etag(file)}"', "Last-Modified": _http_date(file), **more}
            if started.trouble.breaks and self.command == "GET":
                started.trouble.breaks -= 1
                self._answer(status, content, headers, cut=True)
                return
            self._answer(status, content, headers)

        def _error(self, status: int, code: str) -> None:
            self._answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>")

        def _answer(
            self,
            status: int,
            body: str | bytes,
            headers: dict[str, str] | None = None,
            *,
            cut: bool = False,
        ) -> None:
            content = body.encode() if isinstance(body, str) else body
            self.send_response(status)
            for name, value in (headers or {"Content-Type": "application/xml"}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[: len(content) // 2] if cut else content)
            self.close_connection = cut

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    with _http_server(Handler) as port:
        started.port = port
        yield started


def _instant(file: Path) -> str:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _http_date(file: Path) -> str:
    at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return at.strftime("%a, %d %b %Y %H:%M:%S GMT")


def _etag(file: Path) -> str:
    return f"{file.stat().st_mtime_ns:x}-{file.stat().st_size:x}"


@dataclass
class Hook:
    """A web hook: what it was sent, and with which status it answers."""

    port: int = 0
    status: int = 200
    bodies: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    """Paths that were asked for with GET."""


@contextmanager
def web_hook() -> Iterator[Hook]:
    """Take whatever is posted."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hook.called.append(self.path)
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            hook.bodies.append(self.rfile.read(length).decode())
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    with _http_server(Handler) as port:
        hook.port = port
        yield hook


@dataclass
class Switch:
    """A dead man's switch: what was called, with which status it answers, and what holds it up."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    """It does not answer before this is set, which it is unless a test clears it."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret-5b1f"


@contextmanager
def dead_mans_switch() -> Iterator[Switch]:
    """Note every call."""
    switch = Switch()
    switch.let_go.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            switch.called.append(self.path)
            switch.let_go.wait(20)
            self.send_response(switch.status)
            for name, value in switch.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    with _http_server(Handler) as port:
        switch.port = port
        try:
            yield switch
        finally:
            switch.let_go.set()


# --- mail -----------------------------------------------------------------------------------------


@dataclass
class Mails:
    """What a mail server took: each with sender, recipients and the whole text."""

    port: int = 0
    taken: list[tuple[str, list[str], str]] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[Mails]:
    """Take every mail."""
    mails = Mails()

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            text = envelope.content.decode()
            mails.taken.append((envelope.mail_from, envelope.rcpt_tos, text))
            return "250 OK"

    mails.port = free_port()
    controller = Controller(Handler(), hostname="127.0.0.1", port=mails.port)
    controller.start()
    try:
        yield mails
    finally:
        controller.stop()


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
