"""Notices to people, sent by Apprise: mail, chat, web hooks and a hundred more.

Each is sent by a separate process, `apprise_process`, which holds the bounds that Apprise's
services do not have. Both are the home of apprise.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import apprise

from almaflow.connectors import apprise_process
from almaflow.connectors.errors import ConnectorRefused, TemporaryFailure
from almaflow.redaction import Mask

# Seconds for a notice to all services of a channel. Less than who sends notices waits for an
# attempt, so that nothing of an attempt is under way when the next begins.
TIMEOUT = 15.0
# The same with files, which may have 25 MiB.
TIMEOUT_WITH_FILES = 100.0

# Seconds that the process gets to end automatically.
_GRACE = 2.0

# Characters of a reason that are shown, once the parts of the address are hidden: a part of a part
# would not be found.
_LONGEST_REASON = 500

# Shorter pieces of an address (characters) are words, ports and the like.
_SHORTEST = 4


def send(
    channel: str, address: str, title: str, text: str, files: Sequence[tuple[str, bytes]] = ()
) -> list[str]:
    """Send a notice to every service that *address* names (one or several, as Apprise writes).

    Takes `TIMEOUT` seconds at most, with *files* `TIMEOUT_WITH_FILES`, whatever the services do.
    The files are names and contents. Returns a sentence about each service that carries none.

    Raises:
        ConnectorRefused: *address* names no service.
        TemporaryFailure: a service did not accept it; the reason is Apprise's.
    """
    asked: dict[str, Any] = {"address": address, "title": title, "text": text, "seconds": TIMEOUT}
    if not files:
        report = _in_process(channel, asked)
    else:
        with tempfile.TemporaryDirectory(prefix="almaflow-notice-") as folder:
            asked["files"] = _copies(Path(folder), files)
            report = _in_process(channel, asked | {"seconds": TIMEOUT_WITH_FILES})
    if report["taken"] is None:
        raise _no_service(channel)
    if not report["taken"]:
        mask = Mask(_pieces(address, set(report["hosts"])))
        lines = [
            mask.text(line.strip())[:_LONGEST_REASON].rstrip(".") for line in report["reasons"]
        ]
        shown = "; ".join(dict.fromkeys(lines)) or "no reason reported"
        raise TemporaryFailure(f"The channel `{channel}` did not accept the notification: {shown}.")
    return [
        f"{service}, to which the channel `{channel}` sends, does not carry files, so the message "
        "has only their names."
        for service in dict.fromkeys(report["without_files"])
    ]


def _copies(folder: Path, files: Sequence[tuple[str, bytes]]) -> list[dict[str, str]]:
    """Write copies of *files*, which nobody changes while they are sent; returns what to attach."""
    copies = []
    for number, (name, content) in enumerate(files):
        copy = folder / str(number)
        copy.write_bytes(content)
        copies.append({"name": name, "path": str(copy)})
    return copies


def _in_process(channel: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the report of a process that sends what is asked; Raises: TemporaryFailure."""
    try:
        done = subprocess.run(
            # -P: what lies in the current folder is not a library.
            [sys.executable, "-P", apprise_process.__file__],
            # Not as an argument: other users can list those.
            input=json.dumps(asked).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=asked["seconds"] + _GRACE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            # An interrupt of the terminal is for almaflow, which reports it with a notice.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise _too_slow(channel, asked["seconds"]) from None
    except OSError as error:
        raise TemporaryFailure(
            f"The channel `{channel}` cannot be used at the moment: {error.strerror}."
        ) from error
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise _too_slow(channel, asked["seconds"]) from None
    return report


def _too_slow(channel: str, seconds: float) -> TemporaryFailure:
    return TemporaryFailure(
        f"The channel `{channel}` did not accept the notification within {seconds:g} seconds, "
        "or its server sent too much data."
    )


def services_of(channel: str, address: str) -> apprise.Apprise:
    """Return the services that *address* names; Raises: ConnectorRefused when it names none."""
    asset = apprise.AppriseAsset(app_id="almaflow", app_desc="almaflow", storage_mode="memory")
    services = apprise.Apprise(asset=asset)
    if not services.add(address) or not len(services):
        raise _no_service(channel)
    return services


def _no_service(channel: str) -> ConnectorRefused:
    return ConnectorRefused(
        f"The address of the channel `{channel}` is not a valid Apprise address. The "
        "documentation of Apprise lists all addresses (mailto://…, slack://…, jsons://…)."
    )


def _pieces(address: str, hosts: set[str]) -> list[str]:
    """Return the parts of *address* that may be secrets: passwords, tokens, ids."""
    pieces = re.split(r"[^\w.~%+-]+", address)
    plain = [*pieces, *map(unquote, pieces)]
    return [piece for piece in plain if len(piece) >= _SHORTEST and piece not in hosts]
