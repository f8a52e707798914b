"""Notices to people, sent by Apprise: mail, chat, web hooks and a hundred more.

The home of apprise. Its `notify` says only yes or no, and the reason in its log, so that is
listened to.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import unquote

import apprise

from almaflow.connectors.errors import NotNow, Refused
from almaflow.redaction import Mask

# Shorter pieces of an address (characters) are words, ports and the like.
_SHORTEST = 4

_said: ContextVar[list[str] | None] = ContextVar("said", default=None)
"""What Apprise says about the notice that is being sent in this thread."""


class _Ear(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        said = _said.get()
        if said is not None:
            said.append(record.getMessage())


logging.getLogger("apprise").addHandler(_Ear(logging.WARNING))


def send(channel: str, address: str, title: str, text: str) -> None:
    """Send a notice to every service that *address* names (one or several, as Apprise writes).

    Raises:
        Refused: *address* names no service.
        NotNow: a service did not take it; the reason is Apprise's.
    """
    with _listening() as said:
        services = services_of(channel, address)
        taken = services.notify(
            body=text, title=title, body_format=apprise.NotifyFormat.TEXT, interpret_escapes=False
        )
    if not taken:
        reason = "; ".join(dict.fromkeys(line.strip().rstrip(".") for line in said))
        hosts = {str(getattr(service, "host", "")) for service in services}
        shown = Mask(_pieces(address, hosts)).text(reason) or "no reason is given"
        raise NotNow(f"The channel `{channel}` did not take it: {shown}.")


def services_of(channel: str, address: str) -> apprise.Apprise:
    """Return the services that *address* names; Raises: Refused when it names none."""
    asset = apprise.AppriseAsset(app_id="almaflow", app_desc="almaflow", storage_mode="memory")
    services = apprise.Apprise(asset=asset)
    if not services.add(address) or not len(services):
        raise Refused(
            f"What the channel `{channel}` is set to is no address that Apprise knows; its "
            "documentation lists them all (mailto://…, slack://…, jsons://…)."
        )
    return services


def _pieces(address: str, hosts: set[str]) -> list[str]:
    """Return what may be a secret by itself in *address*: passwords, tokens, ids."""
    pieces = re.split(r"[^\w.~%+-]+", address)
    plain = [*pieces, *map(unquote, pieces)]
    return [piece for piece in plain if len(piece) >= _SHORTEST and piece not in hosts]


@contextmanager
def _listening() -> Iterator[list[str]]:
    said: list[str] = []
    token = _said.set(said)
    try:
        yield said
    finally:
        _said.reset(token)
