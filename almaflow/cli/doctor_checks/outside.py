"""Checks channels, pings and connections. Nothing is sent unless requested."""

from __future__ import annotations

from urllib.parse import urlsplit

from almaflow.cli.doctor_checks.findings import Findings, bad, doubtful, good
from almaflow.connectors.base import Search
from almaflow.connectors.registry import LiveSystems
from almaflow.settings import Project

_TITLE = "almaflow: a test"
_TEXT = "This is a test by `almaflow doctor --send`. Notifications of almaflow reach you here."


def check_channels(project: Project, *, send: bool) -> Findings:
    """Check that channels can be used; with *send*, send a test notification to each."""
    findings, outside = Findings(), LiveSystems(project)
    for name in project.settings.channels:
        what = f"channel {name}"
        with findings.about(what):
            outside.check_channel(name)
            if send:
                outside.send_notice(name, _TITLE, _TEXT)
                findings.append(good(what, "it accepted a test notification"))
            else:
                findings.append(good(what, "its address is valid; `--send` tries it"))
    serving = project.settings.serving
    if project.document is not None and serving.to is None:
        text = "missed ticks and invalid files are reported in the log only"
        move = "Name a channel for them in almaflow.yaml: `serve: {to: …}`."
        findings.append(doubtful("channels", text, move))
    return findings


def check_pings(project: Project) -> Findings:
    """Check that the addresses of pings exist, without calling them."""
    findings = Findings()
    for name, reference in project.settings.pings.items():
        what = f"ping {name}"
        with findings.about(what):
            if _is_address(reference.resolve(project.folder, f"pings.{name}").strip()):
                findings.append(good(what, f"{reference} contains an address; it was not called"))
            else:
                # The value may be another secret, so it is not shown.
                text = f"{reference} does not contain an address"
                findings.append(bad(what, text, "It must begin with `https://`."))
    return findings


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def check_connections(project: Project) -> Findings:
    """Check that connections have what they need, without connecting."""
    findings, outside = Findings(), LiveSystems(project)
    for name in project.settings.connections:
        what = f"connection {name}"
        with findings.about(what):
            outside.file_source(Search(name, "", "*"))
            findings.append(good(what, "everything it needs is available; it was not called"))
    return findings
