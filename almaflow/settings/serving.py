"""The settings of `almaflow serve` in `almaflow.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from almaflow.field_types import Model, Text, Whole, checked, refused
from almaflow.late_dataclasses import dataclass
from almaflow.settings.page_access import PageProxy, PageToken, PageUser, UserName, public_url
from almaflow.settings.references import SecretRef

PAGE = "127.0.0.1:8480"
"""Where the web page is unless almaflow.yaml says otherwise."""

_NO_PAGE = "false"
# `host:port`, an IPv6 address in brackets.
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")


def _time_of_day(text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        from almaflow.timetable.spoken_times import time_alone_meant  # late: for mistakes only

        meant = time_alone_meant(text)
        write = f"Write `{meant}`." if meant else "Write hours and minutes, such as `07:00`."
        raise refused("bad_time", f"`{text}` is not a valid time of day. {write}")
    return text


@dataclass(frozen=True)
class PageAddress:
    """Where the web page is served; *host* is without brackets, port 0 takes a free one."""

    host: str
    port: int

    @property
    def netloc(self) -> str:
        """`host:port`, as an address of the web has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_page(text: str) -> PageAddress | None:
    """Return where the page is served, None for `false`; Raises: ValueError."""
    if text == _NO_PAGE:
        return None
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match[2]) > 65535:
        raise ValueError(
            f"`{text}` is not a valid address of the page. Write host and port, such as `{PAGE}`, "
            "or `false` for no page."
        )
    return PageAddress(match[1].strip("[]"), int(match[2]))


class PersonalDataSettings(Model):
    """Which values pages hide because they belong to a person, in addition to our own rule."""

    hide: list[Annotated[Text, Field(min_length=1, max_length=100)]] = Field(
        default=[],
        max_length=200,
        description="Names of parameters, inputs, outputs and fields whose values are hidden, "
        "such as `matriculation number`; their words count, in any spelling.",
    )
    show: list[Annotated[Text, Field(min_length=1, max_length=100)]] = Field(
        default=[],
        max_length=200,
        description="Names whose values are shown although a word in them is on the list of "
        "what is hidden, such as `item barcode`.",
    )


class ServeSettings(Model):
    """What `almaflow serve` does in addition to running workflows."""

    to: Text | None = Field(
        default=None,
        description="The channel for notifications that concern all workflows: files that became "
        "invalid, missed ticks, the digest. Without one, they are only logged.",
    )
    digest: Annotated[Text, AfterValidator(_time_of_day)] | None = Field(
        default=None, description="When the daily digest is sent to `to`, such as `07:00`."
    )
    ping: Text | None = Field(
        default=None,
        description="An entry of `pings` that almaflow calls every five minutes while `serve` "
        "runs.",
    )
    metrics: Whole | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="The port of this machine on which metrics are served.",
    )
    page: Annotated[
        Annotated[Text, checked("bad_address", read_page)],
        WithJsonSchema({"type": ["string", "boolean"], "examples": [PAGE, False]}),
        Field(
            description="Host and port of the web page; default `127.0.0.1:8480`, which only this "
            "machine reaches. `false`: no page."
        ),
    ] = PAGE

    url: Annotated[Text, AfterValidator(public_url)] | None = Field(
        default=None,
        description="The address of the page as people type it, if that differs from `page`, "
        "such as `https://almaflow.example.edu` behind a proxy.",
    )
    users: dict[UserName, PageUser] = Field(
        default={}, description="The people who log in to the page, by name."
    )
    tokens: dict[UserName, PageToken] = Field(
        default={}, description="The programs that use the page's API, by name."
    )
    proxy: PageProxy | None = Field(
        default=None, description="A proxy in front of the page that logs people in."
    )

    personal_data: PersonalDataSettings = Field(
        default=PersonalDataSettings(),
        description="Which values pages hide because they belong to a person.",
    )

    @property
    def needs_login(self) -> bool:
        """Whether people have to log in to the page, even from this machine."""
        return bool(self.users) or self.proxy is not None

    def references(self) -> Iterator[tuple[str, SecretRef]]:
        """Yield where a secret of the page is named, and its place."""
        for name, user in self.users.items():
            yield f"serve.users.{name}.password", user.password
        for name, token in self.tokens.items():
            yield f"serve.tokens.{name}.token", token.token

    @property
    def page_address(self) -> PageAddress | None:
        """Where the web page is served; None: there is none."""
        return read_page(self.page)
