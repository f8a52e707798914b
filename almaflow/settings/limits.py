"""The limits in `almaflow.yaml` for the requests to an institution."""

from dataclasses import field
from typing import Annotated, Self

from pydantic import Field

from almaflow import timetable
from almaflow.field_types import Model, Text, Whole, checked
from almaflow.late_dataclasses import dataclass

_Hours = Annotated[
    Text, checked("bad_maintenance", lambda text: timetable.MaintenanceHours.parse(text))
]


class LimitSettings(Model):
    """What almaflow may ask of an institution; entries with the same `code` share it."""

    running_jobs: Whole = Field(
        default=3,
        ge=1,
        le=100,
        description="Jobs started through the API that may run at the same time; Alma allows 3.",
    )
    starts_per_hour: Whole = Field(
        default=5,
        ge=1,
        le=1000,
        description="Starts of the same job within an hour; Alma allows 5.",
    )
    calls_per_second: Whole | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="API calls per second; default 40, in a sandbox 8 (Alma allows 50 and 10).",
    )
    calls_per_minute: Whole | None = Field(
        default=None,
        ge=1,
        le=60000,
        description="API calls per minute; default 1200, in a sandbox 240 (Alma allows "
        "1500 and 300).",
    )
    reserve_calls: Whole = Field(
        default=5000,
        ge=0,
        description="When fewer API calls than this are left for the day, almaflow only polls "
        "running jobs. Everything else waits until midnight, so that other programs can continue.",
    )
    maintenance: list[_Hours] = Field(
        default=[],
        max_length=50,
        description="The hours in which Alma is being maintained, in the project's "
        "`timezone`: `02:00-06:00`, `sun 02:00-06:00` or `2026-12-05 20:00-23:00`. Steps wait "
        "until they are over; running jobs are still polled.",
        examples=[["sun 02:00-06:00", "2026-12-05 20:00-23:00"]],
    )


@dataclass(frozen=True)
class InstitutionLimits:
    """What almaflow may ask of an institution, every default filled in."""

    running_jobs: int
    starts_per_hour: int
    calls_per_second: int
    calls_per_minute: int
    reserve_calls: int
    maintenance: "timetable.Maintenance" = field(default_factory=lambda: timetable.Maintenance())

    @classmethod
    def of(cls, limits: LimitSettings, zone: str, *, is_sandbox: bool) -> Self:
        """Return what *limits* say; their maintenance hours are on a wall in *zone*."""
        # Four fifths of what Alma allows: others use the API too.
        return cls(
            running_jobs=limits.running_jobs,
            starts_per_hour=limits.starts_per_hour,
            calls_per_second=limits.calls_per_second or (8 if is_sandbox else 40),
            calls_per_minute=limits.calls_per_minute or (240 if is_sandbox else 1200),
            reserve_calls=limits.reserve_calls,
            maintenance=timetable.Maintenance.of(limits.maintenance, zone),
        )
