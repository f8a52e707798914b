"""What `almaflow simulator` prints when it starts: its address, keys and certificate."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from typing import Any

from almaflow.cli.simulator_institutions import ServedInstitution
from almaflow.cli.simulator_tls import SimulatorTls
from almaflow.visible import json_text, unbroken


def remote_warning(host: str, names: Sequence[str], *, encrypted: bool) -> str:
    """Return what is said where other machines can connect."""
    listed = ", ".join(f"`{name}`" for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    keys = "key of" if len(names) == 1 else "keys of"
    way = "With http, keys" if encrypted else "Keys"
    return (
        f"warning: other machines can reach the simulator on {host}. Everyone who reaches its port "
        f"can use it with the API {keys} {listed}{more}, printed on standard output. {way} and "
        "data are not encrypted on the way."
    )


def document(
    url: str,
    institutions: Sequence[ServedInstitution],
    secure: SimulatorTls | None = None,
    webhooks: Sequence[str] = (),
) -> str:
    """Return address, keys and certificate as JSON."""
    data: dict[str, Any] = {
        "url": url,
        "institutions": [
            {
                "name": one.name,
                "key": one.key,
                "limited_keys": [
                    {"key": limited.key, "rights": limited.shown} for limited in one.limited_keys
                ],
            }
            for one in institutions
        ],
        "webhooks": list(webhooks),
    }
    if secure is not None:
        data["tls"] = {
            "url": _https(url),
            "ca_file": str(secure.ca_file),
            "environment": secure.environment(url),
        }
    # Its keys open nothing but this simulator, and are shown to be used.
    return json_text(data, indent=2)


def greeting(
    url: str,
    institutions: Sequence[ServedInstitution],
    secure: SimulatorTls | None = None,
    webhooks: Sequence[str] = (),
) -> str:
    """Return address, keys and certificate, as lines to paste where they are needed."""
    lines = [f"The simulated Alma listens on {url}", "", "In almaflow.yaml:", "  institutions:"]
    for one in institutions:
        lines += [f"    {one.name}:", f"      base_url: {url}"]
        lines += [f"      environment: {one.environment}"]
        lines += [f"      api_key: env:{variable_of(one.name)}"]
    lines += ["", "In the terminal in which you start almaflow:"]
    lines += [_set(variable_of(one.name), one.key) for one in institutions]
    limited = [key for one in institutions for key in one.limited_keys]
    if limited:
        lines += ["", "Keys for some areas only:"]
        lines += [f"  {key.institution} {key.shown} {key.key}" for key in limited]
    if secure is not None:
        lines += _tls_lines(url, secure)
    if webhooks:
        lines += ["", "The end of each job is sent to:", *(f"  {webhook}" for webhook in webhooks)]
    return "\n".join(map(unbroken, [*lines, "", "Press Ctrl-C to stop."]))


def _tls_lines(url: str, secure: SimulatorTls) -> list[str]:
    proxy, *trust = [_set(name, value) for name, value in secure.environment(url).items()]
    return [
        "",
        f"With https it listens on {_https(url)}",
        "In the terminal in which you start a client, so that it trusts the simulator:",
        *trust,
        "And for a client whose https hosts are fixed in its code:",
        proxy,
    ]


def _https(url: str) -> str:
    return f"https{url.removeprefix('http')}"


def _set(variable: str, value: str) -> str:
    """Return the line that sets *variable* in this system's usual shell."""
    if os.name == "nt":
        quoted = value.replace("'", "''")
        return f"  $env:{variable} = '{quoted}'"
    return f"  export {variable}={shlex.quote(value)}"


def variable_of(name: str) -> str:
    """Return the environment variable for the key of the institution *name*."""
    letters = "".join(one if one.isascii() and one.isalnum() else "_" for one in name)
    return f"ALMA_API_KEY_{letters.upper()}"
