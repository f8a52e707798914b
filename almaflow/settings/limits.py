"""The limits in `almaflow.yaml` for the requests to an institution."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from almaflow.field_types import Model, Whole


class LimitSettings(Model):
    """What almaflow may ask of an institution; entries with the same `code` share it."""

    running_jobs: Annotated[
        Whole,
        Field(
            ge=1,
            le=100,
            description=(
                "Jobs started through the API that may run at the same time; Alma allows 3."
            ),
        ),
    ] = 3
    starts_per_hour: Annotated[
        Whole,
        Field(ge=1, le=1000, description="Starts of the same job within an hour; Alma allows 5."),
    ] = 5
    calls_per_second: Annotated[
        Whole | None,
        Field(
            ge=1,
            le=1000,
            description="API calls per second; default 40, in a sandbox 8 (Alma allows 50 and 10).",
        ),
    ] = None
    calls_per_minute: Annotated[
        Whole | None,
        Field(
            ge=1,
            le=60000,
            description="API calls per minute; default 1200, in a sandbox 240 (Alma allows "
            "1500 and 300).",
        ),
    ] = None
    reserve_calls: Annotated[
        Whole,
        Field(
            ge=0,
            description="When fewer API calls than this are left for the day, almaflow only "
            "polls running jobs. Everything else waits until midnight, so that "
            "other programs can continue.",
        ),
    ] = 5000
