"""The models of `almaflow.yaml`, all of it on one page; what they describe is in the schema."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from almaflow import timetable
from almaflow.field_types import (
    Model,
    Text,
    as_text,
    checked,
    exactly_one,
    format_duration,
    parse_duration,
    refused,
)
from almaflow.model_fields import ModelLater
from almaflow.problem_pages import code_pages
from almaflow.problems import did_you_mean
from almaflow.settings.addresses import alma_address, server, without_password
from almaflow.settings.limits import LimitSettings
from almaflow.settings.references import SecretRef, is_reference


def _codes(levels: dict[str, str]) -> dict[str, str]:
    """Refuse a level for what is not a code, or is always an error."""
    pages = code_pages() if levels else {}
    for code in levels:
        if code not in pages:
            hint = did_you_mean(code, pages) or ". `almaflow explain codes` lists all codes."
            why = f"There is no problem with the code `{code}`{hint}"
        elif not pages[code].can_be_ignored:
            why = f"`{code}` is always an error, because the workflow could not run. Remove it."
        else:
            continue
        raise refused("bad_value", why, key=code)
    return levels


LintLevels = Annotated[
    dict[str, Literal["off", "note", "warning", "error"]], AfterValidator(_codes)
]
"""The level of each code that is not to have its own."""


# Source: Ex Libris Developer Network, OpenAPI file of the configuration area, `servers`.
REGIONS = {
    "na": "https://api-na.hosted.exlibrisgroup.com",
    "eu": "https://api-eu.hosted.exlibrisgroup.com",
    "ap": "https://api-ap.hosted.exlibrisgroup.com",
    "aps": "https://api-aps.hosted.exlibrisgroup.com",
    "ca": "https://api-ca.hosted.exlibrisgroup.com",
    "cn": "https://api-cn.hosted.exlibrisgroup.com.cn",
}
"""The addresses of Alma's API by region."""


class Environment(StrEnum):
    """Which of an institution's two Almas a key opens."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"


Zone = Annotated[Text, checked("bad_timezone", lambda text: timetable.find_zone(text))]
"""The IANA name of a time zone."""

_IDENTIFIER = r"[A-Za-z][A-Za-z0-9_]*"


def _identifier(text: str) -> str:
    if not re.fullmatch(_IDENTIFIER, text):
        raise refused(
            "bad_name",
            f"`{text}` cannot be a name in an expression. A name is a letter, followed by "
            "letters, digits and `_`.",
        )
    return text


Identifier = Annotated[
    str,
    AfterValidator(_identifier),
    WithJsonSchema({"type": "string", "pattern": f"^{_IDENTIFIER}$"}),
]
"""A name that expressions can use: a letter, then letters, digits and `_`."""


def _settle(data: Any) -> Any:
    if data is None or isinstance(data, timedelta):
        return data
    text = as_text(data)
    if text == "never":
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        why = f"{error} Or write `never`, so that a person decides."
        raise refused("bad_duration", why) from None


Settle = Annotated[
    timedelta | None,
    BeforeValidator(_settle),
    PlainSerializer(lambda it: "never" if it is None else format_duration(it), return_type=str),
    WithJsonSchema({"type": "string", "examples": ["10m", "never"]}),
]


class InstitutionSettings(Model):
    """An institution in Alma: where it is, the key to it, and what it allows."""

    foreign: ClassVar[str] = "almaflow.settings.foreign_keys:INSTITUTION"

    region: Literal["na", "eu", "ap", "aps", "ca", "cn"] | None = Field(
        default=None,
        description="Where Alma is hosted: na (North America), eu (Europe), ap (Asia-Pacific), "
        "aps (Australia), ca (Canada), cn (China).",
    )
    base_url: Annotated[Text, AfterValidator(alma_address)] | None = Field(
        default=None,
        description="The address of the API instead of a region: `https://…`, or "
        "`http://…` on this machine (`almaflow simulator`).",
    )
    code: Text | None = Field(
        default=None,
        min_length=1,
        description="Alma's institution code, such as 01ABC_INST; checked against Alma before "
        "the first write.",
    )
    api_key: SecretRef = Field(
        description="Where the API key is stored: `env:NAME`, `file:PATH` or "
        "`keyring:SERVICE/NAME`. The key needs the area Configuration, read/write."
    )
    webhook_secret: SecretRef | None = Field(
        default=None,
        description="Where the secret of Alma's webhook (integration profile, type Webhooks) "
        "is stored. With it, the web page of `almaflow serve` accepts Alma's reports that a "
        "job has ended, at `/webhook/<name of the institution>`.",
    )
    environment: Environment = Field(
        default=Environment.PRODUCTION,
        description="`production` (default) or `sandbox`; checked against Alma before the "
        "first write.",
    )
    limits: Annotated[LimitSettings | None, ModelLater(lambda: LimitSettings)] = Field(
        default=None, description="Limits for the requests to the institution."
    )
    settle: Settle = Field(
        default=timedelta(minutes=10),
        description="How long after a submission with a lost response its instance may still "
        "appear in Alma (default 10m). Then the job may be submitted once more. With `never`, "
        "a person decides.",
    )

    _one_address = exactly_one("region", "base_url", of="An institution")

    @property
    def address(self) -> str:
        """The API's address: scheme and host, nothing behind it."""
        return self.base_url or REGIONS[str(self.region)]


class CalendarSettings(Model):
    """Days on which a schedule entry with this calendar under `except` does not run."""

    foreign: ClassVar[str] = "almaflow.settings.foreign_keys:CALENDAR"

    country: Text | None = Field(
        default=None, description="A country's public holidays: its ISO code, such as CH."
    )
    subdivision: Text | None = Field(
        default=None, description="The holidays of a part of the country, such as ZH."
    )
    dates: list[
        Annotated[Text, checked("bad_date", lambda text: timetable.parse_date_range(text))]
    ] = Field(default=[], description="Days (2026-12-24) and ranges (2026-12-24/2027-01-02).")
    ics: Text | None = Field(
        default=None, description="A calendar file (.ics) in the project folder."
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.subdivision is not None and self.country is None:
            raise refused("choose_one", "`subdivision` needs `country`.")
        if self.country is None and not self.dates and self.ics is None:
            raise refused(
                "choose_one", "A calendar needs `country`, `dates` or `ics`, or several of them."
            )
        if self.dates and len(self.dates) > timetable.MOST_RANGES:
            most = timetable.MOST_RANGES
            why = f"`dates` has more than {most} entries. Use ranges, or an `ics` file."
            raise refused("bad_calendar", why, key="dates")
        if self.country is not None:
            try:
                timetable.check_holidays(self.country, self.subdivision)
            except timetable.TimetableInvalid as error:
                key = "country" if self.subdivision is None else "subdivision"
                context = {"why": str(error), "key": key}
                raise PydanticCustomError("bad_calendar", "{why}", context) from None
        return self


class ConnectionSettings(Model):
    """Where files are fetched from."""

    foreign: ClassVar[str] = "almaflow.settings.foreign_keys:CONNECTION"

    url: Annotated[Text, AfterValidator(without_password), AfterValidator(server)] = Field(
        description="sftp://user@host/folder, ftp://…, ftps://… or s3://bucket/folder. A folder "
        "that begins with `/~/` is in the home folder of the user. The user of a bucket is the id "
        "of a key; without one, the AWS credentials of this machine are used."
    )
    password: SecretRef | None = Field(
        default=None,
        description="Where the password is stored, such as `env:NAME`. Without one, SFTP uses the "
        "keys in ~/.ssh and the agent. For a bucket it is the secret of the key.",
    )
    host_key: Text | None = Field(
        default=None,
        pattern=r"^(ssh|ecdsa|sk)-\S+ [A-Za-z0-9+/]+=*( .*)?$",
        description="The SFTP server's public key, as `ssh-ed25519 AAAA…`; without it, the "
        "server must be listed in ~/.ssh/known_hosts.",
    )
    endpoint: Text | None = Field(
        default=None,
        pattern=r"^https?://[^\s@]+$",
        description="The address of an S3 server other than that of Amazon, as `https://…`.",
    )


if TYPE_CHECKING:
    from almaflow.settings.serving import ServeSettings
else:
    # Few files have `serve`: its models are imported for one that does.
    ServeSettings = Model


def _serve_settings() -> type[ServeSettings]:
    from almaflow.settings.serving import ServeSettings

    return ServeSettings


class Settings(Model):
    """The settings of a project: the institutions, their limits, and where secrets are stored."""

    foreign: ClassVar[str] = "almaflow.settings.foreign_keys:SETTINGS"

    default_institution: Text | None = Field(
        default=None,
        description="The institution of workflows that specify none; not needed if there "
        "is only one.",
    )
    timezone: Zone = Field(
        default="UTC",
        description="The IANA time zone, such as Europe/Zurich, of workflows that specify none.",
    )
    workflows: Text = Field(
        default="workflows/", description="The folder of the workflow files; default `workflows/`."
    )
    store: Annotated[Text, AfterValidator(without_password)] = Field(
        default="sqlite:///.almaflow/almaflow.db",
        description="Where runs are recorded: `sqlite:///PATH` relative to this file (default "
        "`sqlite:///.almaflow/almaflow.db`), `postgresql://user@host/database` (its password from "
        "libpq's `~/.pgpass`), or `env:NAME` of a variable that holds the address.",
    )
    institutions: dict[str, InstitutionSettings] = Field(
        default={}, description="The institutions, under names of your choice."
    )
    calendars: dict[str, Annotated[CalendarSettings, ModelLater(lambda: CalendarSettings)]] = Field(
        default={}, description="Days on which nothing runs, by name."
    )
    channels: dict[str, SecretRef] = Field(
        default={},
        description="Where notifications are sent, by name: where the Apprise address is "
        "stored, such as `env:NAME`. `log` always exists.",
    )
    secrets: dict[Identifier, SecretRef] = Field(
        default={},
        description="The secrets that workflows use as `secrets.<name>`: where each value is "
        "stored.",
    )
    connections: dict[
        str, Annotated[ConnectionSettings, ModelLater(lambda: ConnectionSettings)]
    ] = Field(default={}, description="Servers that `fetch_files` fetches from, by name.")
    pings: dict[str, SecretRef] = Field(
        default={},
        description="Dead man's switches by name: where their addresses are stored, such as that "
        "of a check at healthchecks.io. almaflow adds `/start` and `/fail` to the address.",
    )
    serve: Annotated[
        ServeSettings | None,
        ModelLater(_serve_settings),
        Field(description="What `almaflow serve` does in addition to running workflows."),
    ] = None

    lint: LintLevels = Field(
        default={}, description="Levels of warnings, by code; `almaflow explain codes` lists them."
    )

    @property
    def serving(self) -> ServeSettings:
        """The settings under `serve`, or the defaults."""
        return self.serve or _serve_settings()()

    @property
    def store_is_reference(self) -> bool:
        """Whether `store` names the place of the address."""
        return is_reference(self.store)
