"""Webhooks of a scenario: listeners on this machine that learn how jobs end (alma-api.md 12)."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from almaflow.alma.simulator.hosts import is_loopback
from almaflow.alma.simulator.scenario_fields import Scoped

MOST_WEBHOOKS = 10
_VARIABLE = re.compile(r"env:\s*([A-Za-z_][A-Za-z0-9_]*)")


class WebhookRefused(ValueError):
    """There are too many webhooks, or a secret is missing; the text is a sentence."""


class Webhook(Scoped):
    """A listener to which the simulator reports that a job has ended, on this machine only."""

    url: str = Field(
        description="Address of the listener, such as http://127.0.0.1:9000/alma. Only this "
        "machine's own addresses are allowed: localhost, 127.0.0.1, [::1]."
    )
    secret: str = Field(
        default="",
        description="Secret of the signature, or `env:NAME`, an environment variable of the "
        "simulator that holds it. Default: events are not signed.",
        repr=False,
    )
    duplicates: bool = Field(
        default=False, description="true: each event is sent twice, as Alma sometimes does."
    )

    @field_validator("url")
    @classmethod
    def _on_this_machine(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[\x21-\x7e]+", value):
            raise ValueError("write an address that begins with http:// or https://")
        try:
            parts = urlsplit(value)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, port = "", None
        if not is_loopback(host) or port == 0 or "@" in parts.netloc or parts.fragment:
            raise ValueError(
                "a webhook leads to this machine only; write an address such as "
                "http://127.0.0.1:9000/alma"
            )
        return value

    def secret_bytes(self) -> bytes:
        """Return the secret. Raises: WebhookRefused if its environment variable is not set."""
        match = _VARIABLE.fullmatch(self.secret)
        if match is None:
            return self.secret.encode()
        value = os.environ.get(match[1], "")
        if not value:
            raise WebhookRefused(
                f"The environment variable {match[1]} of a webhook's secret is not set."
            )
        return value.encode()
