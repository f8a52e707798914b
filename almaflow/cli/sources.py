"""Opens what the commands that only read ask: this project, or a server with `--server`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeGuard

import typer

from almaflow.cli import bootstrap
from almaflow.cli.settings_above import find_store_settings
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.operations.local_source import LocalSource

if TYPE_CHECKING:
    from almaflow.operations.remote_source import RemoteSource
    from almaflow.operations.server_connection import ServerConnection

    Source: TypeAlias = LocalSource | RemoteSource

# Where the token is when `--token` does not say it.
_TOKEN = "ALMAFLOW_TOKEN"

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Use the page of an `almaflow serve`, such as https://almaflow.example.org, instead "
        "of this project.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="WHERE",
        help="Where the token for --server is: env:NAME, file:PATH or keyring:SERVICE/NAME; "
        f"default: env:{_TOKEN}, if it is set.",
    ),
]


@contextmanager
def open_source(server: str | None, token: str | None) -> Iterator[Source]:
    """Open a server, or else the files and the store of the project.

    Raises:
        RequestWrong: the address or the token is wrong, or almaflow.yaml has problems.
        StoreError: the store cannot be opened.
    """
    if is_remote(server, token):
        with open_server(server, token) as connection:
            from almaflow.operations.remote_source import RemoteSource

            yield RemoteSource(connection)
        return
    settings, clock = find_store_settings(), SystemClock()
    with ExitStack() as stack:
        yield LocalSource(
            settings,
            clock,
            lambda: stack.enter_context(bootstrap.open_store_at(settings.url, clock)),
        )


def is_remote(server: str | None, token: str | None, *, simulated: bool = False) -> TypeGuard[str]:
    """Whether a server is asked.

    Raises:
        RequestWrong: there is only a token, or also `--simulate`.
    """
    if server is None and token is not None:
        raise RequestWrong("`--token` is for `--server URL`, which is missing.")
    if server is not None and simulated:
        raise RequestWrong("A simulation runs here. Use only one of `--server` and `--simulate`.")
    return server is not None


@contextmanager
def open_server(server: str, token: str | None) -> Iterator[ServerConnection]:
    """Open a connection to a server; Raises: RequestWrong."""
    from almaflow.operations.server_connection import ServerConnection

    with closing(ServerConnection(server, _read_token(token))) as connection:
        yield connection


def _read_token(reference: str | None) -> str | None:
    """Return the token that *reference* names; nothing prints it from now on.

    Raises:
        RequestWrong: it names no place, or there is nothing. The text does not show a token.
    """
    from almaflow.settings.references import SecretRef, SecretSource, is_reference

    if reference is None:
        if not os.environ.get(_TOKEN):
            return None
        reference = f"env:{_TOKEN}"
    if not is_reference(reference):
        raise RequestWrong(
            "`--token` names where the token is, because other users of this machine see command "
            f"lines. Write `--token env:NAME`, or set the environment variable `{_TOKEN}`."
        )
    origin, _, name = reference.partition(":")
    secret = SecretRef(SecretSource(origin), name.strip())
    if secret.origin is SecretSource.ENV and not os.environ.get(secret.name):
        raise RequestWrong(
            f"The environment variable `{secret.name}`, which `--token` names, is not set or empty."
        )
    return secret.resolve(Path.cwd(), "--token").strip()
