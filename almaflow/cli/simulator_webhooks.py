"""The webhooks of `almaflow simulator --webhook`, and the place of their secret."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from almaflow.alma.simulator.scenario_webhooks import MOST_WEBHOOKS, Webhook
from almaflow.errors import RequestWrong
from almaflow.settings.references import SecretRef, SecretSource


def read_webhooks(urls: Sequence[str], secret: str | None) -> list[Webhook]:
    """Return the webhooks; *secret* is a reference such as `env:NAME`. Raises: RequestWrong."""
    if len(urls) > MOST_WEBHOOKS:
        raise RequestWrong(
            f"`--webhook` is given {len(urls)} times, but the simulator has at most "
            f"{MOST_WEBHOOKS} webhooks."
        )
    if secret is not None and not urls:
        raise RequestWrong("`--webhook-secret` is for `--webhook`. Add `--webhook URL`.")
    value = "" if secret is None else _secret(secret)
    return [_webhook(url, value) for url in urls]


def _secret(text: str) -> str:
    try:
        reference = TypeAdapter(SecretRef).validate_python(text)
    except ValidationError:
        raise RequestWrong(
            "`--webhook-secret` takes the place of a secret, such as `env:NAME` or `file:PATH`, "
            "not the secret itself: other users of this machine see the command line."
        ) from None
    if reference.origin is SecretSource.ENV and not os.environ.get(reference.name):
        raise RequestWrong(
            f"The environment variable `{reference.name}` of `--webhook-secret` is not set or "
            "empty. Set it, and start the simulator again."
        )
    return reference.resolve(Path.cwd(), "--webhook-secret")


def _webhook(url: str, secret: str) -> Webhook:
    try:
        return Webhook(url=url, secret=secret)
    except ValidationError as error:
        raise RequestWrong(
            "`--webhook` takes the address of a listener on this machine, such as "
            "http://127.0.0.1:9000/alma."
        ) from error
