"""What a new project has to know, with defaults from this machine, and what an answer may be."""

from __future__ import annotations

from collections.abc import Sequence

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.problems import did_you_mean
from almaflow.settings import REGIONS, Environment
from almaflow.timetable import TimetableInvalid, find_zone

_LONGEST_NAME = 50
_NAME = late_pattern(rf"[^\W\d_][\w-]{{0,{_LONGEST_NAME - 1}}}")

# Zones of Canada that people of libraries have; other American ones are North America's.
_CANADA = frozenset(
    f"America/{city}"
    for city in (
        *("Edmonton", "Halifax", "Moncton", "Montreal", "Regina", "St_Johns", "Toronto"),
        *("Vancouver", "Winnipeg"),
    )
)
_REGIONS_OF_ZONES = (
    (("America/", "US/"), "na"),
    (("Canada/",), "ca"),
    (("Australia/", "Pacific/", "NZ"), "aps"),
    (("Asia/Shanghai", "Asia/Chongqing", "Asia/Urumqi", "PRC"), "cn"),
    (("Asia/Jerusalem", "Asia/Beirut", "Asia/Amman", "Asia/Nicosia", "Asia/Istanbul"), "eu"),
    (("Asia/",), "ap"),
)


@dataclass(frozen=True)
class Answers:
    """The answers to the questions of `almaflow init`."""

    institution: str
    """The name of the entry in almaflow.yaml."""
    region: str
    environment: str
    timezone: str
    """An IANA name."""


def region_near(zone: str) -> str:
    """Return the region whose Alma an institution in *zone* probably has."""
    if zone in _CANADA:
        return "ca"
    return next((region for begin, region in _REGIONS_OF_ZONES if zone.startswith(begin)), "eu")


def read_region(text: str) -> str:
    """Return a region; Raises: RequestWrong."""
    region = text.strip().casefold()
    if region not in REGIONS:
        raise RequestWrong(
            f"`{text}` is not a region of Alma{did_you_mean(region, REGIONS) or '.'} Use "
            f"{_any_of(list(REGIONS))}: it is in the address of your API key's requests, as in "
            "api-eu.hosted.exlibrisgroup.com."
        )
    return region


def read_environment(text: str) -> str:
    """Return an environment; Raises: RequestWrong."""
    environment = text.strip().casefold()
    known = [str(one) for one in Environment]
    if environment not in known:
        raise RequestWrong(
            f"`{text}` is not an environment{did_you_mean(environment, known) or '.'} Use "
            "`sandbox` or `production`, as the API key was created for."
        )
    return environment


def read_institution(text: str) -> str:
    """Return the name of an institution; Raises: RequestWrong."""
    name = text.strip()
    if not _NAME.fullmatch(name):
        raise RequestWrong(
            f"`{text}` cannot be the name of the institution. Use a letter and then at most "
            f"{_LONGEST_NAME - 1} letters, digits, `-` and `_`, such as `main`."
        )
    return name


def read_zone(text: str) -> str:
    """Return a time zone; Raises: RequestWrong."""
    try:
        find_zone(text.strip())
    except TimetableInvalid as error:
        raise RequestWrong(str(error)) from error
    return text.strip()


def _any_of(names: Sequence[str]) -> str:
    *first, last = (f"`{name}`" for name in names)
    return f"{', '.join(first)} or {last}"
