"""The settings of `almaflow serve` in `almaflow.yaml`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from almaflow.field_types import Model, Text, Whole


def _time_of_day(text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise PydanticCustomError(
            "bad_time",
            "`{text}` is not a valid time of day. Write hours and minutes, such as `07:00`.",
            {"text": text},
        )
    return text


class ServeSettings(Model):
    """What `almaflow serve` does in addition to running workflows."""

    to: Annotated[
        Text | None,
        Field(
            description="The channel for notifications that concern all workflows: files that "
            "became invalid, missed ticks, the digest. Without one, they are only "
            "logged."
        ),
    ] = None
    digest: Annotated[
        Annotated[Text, AfterValidator(_time_of_day)] | None,
        Field(description="When the daily digest is sent to `to`, such as `07:00`."),
    ] = None
    ping: Annotated[
        Text | None,
        Field(
            description=(
                "An entry of `pings` that almaflow calls every five minutes while `serve` runs."
            )
        ),
    ] = None
    metrics: Annotated[
        Whole | None,
        Field(ge=1, le=65535, description="The port of this machine on which metrics are served."),
    ] = None
