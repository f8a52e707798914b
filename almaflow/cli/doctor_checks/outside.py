"""The ways outside: channels, pings, connections. Nothing is sent unless that is asked for."""

from __future__ import annotations

from urllib.parse import urlsplit

from almaflow.cli.doctor_checks.findings import Findings, bad, doubtful, good
from almaflow.connectors.base import Search
from almaflow.connectors.registry import LiveOutside
from almaflow.settings import Project

_TITLE = "almaflow: a test"
_TEXT = "`almaflow doctor --send` sent this. Notices of almaflow reach you here."


def look_at_channels(project: Project, *, send: bool) -> Findings:
    """Look whether channels can be used; with *send* a test notice goes to each."""
    found, outside = Findings(), LiveOutside(project)
    for name in project.settings.channels:
        what = f"channel {name}"
        with found.about(what):
            outside.check_channel(name)
            if send:
                outside.send_notice(name, _TITLE, _TEXT)
                found.append(good(what, "a test notice was taken"))
            else:
                found.append(good(what, "its address is understood; `--send` tries it"))
    serving = project.settings.serving
    if project.document is not None and serving.to is None:
        found.append(
            doubtful(
                "channels",
                "only the log hears of missed ticks and files that became invalid",
                "Name a channel for them in almaflow.yaml: `serve: {to: …}`.",
            )
        )
    return found


def look_at_pings(project: Project) -> Findings:
    """Look whether the addresses of pings are there, without calling them."""
    found = Findings()
    for name, reference in project.settings.pings.items():
        what = f"ping {name}"
        with found.about(what):
            if _is_address(reference.resolve(project.folder, f"pings.{name}").strip()):
                found.append(good(what, f"{reference} holds an address; it is not called"))
            else:
                # What it holds instead may be a secret, so it is not shown.
                found.append(
                    bad(what, f"{reference} holds no address", "It must begin with `https://`.")
                )
    return found


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def look_at_connections(project: Project) -> Findings:
    """Look whether what connections need is at hand, without connecting."""
    found, outside = Findings(), LiveOutside(project)
    for name in project.settings.connections:
        what = f"connection {name}"
        with found.about(what):
            outside.place(Search(name, "", "*"))
            found.append(good(what, "what it needs is here; it is not called"))
    return found
