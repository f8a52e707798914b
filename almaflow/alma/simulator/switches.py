"""Alma's habits that no source settles, and its limits: the `alma:` part of a scenario."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from almaflow.alma.simulator.scenario_fields import Duration, Limit, Part

_MOST = 1_000_000_000
# Scheme and authority, perhaps a path, that links begin with.
ADDRESS = r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?$"


class AlmaSwitches(Part):
    """Alma's habits and limits; the defaults are those of alma-api.md 14."""

    timezone: str = Field(default="Europe/Zurich", description="The institutions' time zone.")
    base_url: str = Field(
        default="https://api-eu.hosted.exlibrisgroup.com",
        pattern=ADDRESS,
        description="Beginning of all links in responses. `almaflow simulator` without it: the "
        "address that the client uses.",
    )
    speed: float = Field(
        default=1.0,
        ge=0.001,
        le=1_000_000,
        description="How much faster jobs run, for demonstrations; 60: a job takes a sixtieth of "
        "its time.",
    )
    latency: Duration | None = Field(default=None, description="How long every response takes.")

    auth_failure: Literal["unauthorized", "forbidden", "plain_text"] = Field(
        default="unauthorized",
        description="Response to a wrong key: 400 UNAUTHORIZED, 403 INVALID_REQUEST, or plain "
        "text.",
    )
    calls_per_second: int | None = Field(
        default=None, ge=1, le=_MOST, description="Default: 50; in a sandbox 10."
    )
    calls_per_minute: int | None = Field(
        default=None, ge=1, le=_MOST, description="Default: 1500; in a sandbox 300."
    )
    calls_per_day: Limit = Field(default=300_000, description="API calls until midnight UTC.")
    throttle_status: int = Field(
        default=429,
        ge=400,
        le=599,
        description="HTTP status when a threshold of calls is exceeded; older hosts use 400.",
    )

    running_jobs: Limit = Field(
        default=3,
        description="Number of runs started through the API that may run at the same time.",
    )
    starts_per_hour: Limit = Field(
        default=5, description="Number of starts of one job in 60 minutes."
    )
    running_code: str = Field(
        default="402222", description="Error code when `running_jobs` is exceeded."
    )
    starts_code: str = Field(
        default="402223", description="Error code when `starts_per_hour` is exceeded."
    )
    overlap: Literal["scheduled", "never"] = Field(
        default="scheduled",
        description="Which jobs are refused (60347) while another run of the same job is running.",
    )

    skip_phases: bool = Field(
        default=False,
        description="true: runs change from QUEUED directly to RUNNING, and then to their end.",
    )
    counter_lag: Duration | None = Field(
        default=None,
        description="Time from the end of a run until its counters appear, for all jobs.",
    )
    list_lag: Duration | None = Field(
        default=None, description="How long a new run is missing from the list of instances."
    )
    list_all: bool = Field(
        default=False, description="Whether instances can be listed for the job id ALL."
    )
    newest_first: bool = Field(
        default=True, description="true: instances and sets are listed with the newest first."
    )
    dates_in: Literal["institution", "utc"] = Field(
        default="institution", description="Time zone of submit_date_from and submit_date_to."
    )
    over_limit: Literal["clamp", "refuse"] = Field(
        default="clamp", description="A `limit` above 100."
    )
    unknown_category: Literal["refuse", "accept"] = Field(
        default="refuse",
        description="A `category` for the list of jobs that is in none of Alma's code tables: "
        "40166410, or no jobs.",
    )
    nulls: Literal["absent", "legacy"] = Field(
        default="absent",
        description="`absent`: fields without a value are omitted; `legacy`: they are null.",
    )
    links: Literal["absolute", "relative"] = "absolute"
    run_names: Literal["modern", "legacy", "plain", "dropped"] = Field(
        default="modern",
        description="What Alma appends to job_name: ` - 2026-03-02 9:15 AM`, ` - 03/02/2026 "
        "09:15`, or nothing; `dropped`: a run's name is the job's own name and the "
        "time.",
    )
    name_limit: int | None = Field(
        default=None,
        ge=1,
        le=_MOST,
        description="Number of characters to which Alma shortens job names. Default: no limit.",
    )

    empty_set: Literal["no_bulks", "success", "refuse"] = Field(
        default="no_bulks", description="What happens to a job on a set without members."
    )
    bad_set: Literal["refuse", "fail", "no_bulks"] = Field(
        default="refuse", description="What happens to a job on a set that does not exist."
    )
    wrong_content: Literal["refuse", "fail", "ignore"] = Field(
        default="refuse", description="What happens to a job on a set of another content type."
    )
    empty_body: Literal["refuse", "accept"] = Field(
        default="refuse", description="What happens to a submission without a body."
    )
    members_on_create: Literal["ignore", "add"] = Field(
        default="ignore", description="What happens to members in the body that creates a set."
    )
    count_lag: Duration | None = Field(
        default=None,
        description="Time from a change of members until `number_of_members` shows it.",
    )
    partial_adds: bool = Field(
        default=False, description="Whether valid ids are added although the call fails."
    )
    filled_at_once: int = Field(
        default=1000,
        ge=0,
        le=_MOST,
        description="Most members of a copied or combined set that are there when Alma answers; "
        "with more, it fills the set afterwards.",
    )
    fill_rate: int = Field(
        default=200,
        ge=1,
        le=_MOST,
        description="Number of members a second that Alma adds when it fills a set.",
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"{value!r} is not a valid time zone; write a name such as Europe/Zurich"
            ) from None
        return value
