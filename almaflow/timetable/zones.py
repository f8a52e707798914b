"""Time zones by their IANA names, the same on every machine.

The names come from the tzdata package, because a machine's own list depends on its system and,
on some, on its file system's idea of upper and lower case.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from almaflow.problems import did_you_mean
from almaflow.timetable.errors import TimetableInvalid


@cache
def known_zones() -> frozenset[str]:
    """Return all names, such as `Europe/Zurich`, the old ones (`CET`) included."""
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


def find_zone(name: str) -> ZoneInfo:
    """Return the zone called *name*.

    Raises:
        TimetableInvalid: there is none; says which one may be meant.
    """
    if name not in known_zones():
        raise TimetableInvalid(
            f"`{name}` is no time zone{_suggestion(name)} Zones have IANA names, such as "
            "`Europe/Zurich` or `UTC`."
        )
    return ZoneInfo(name)


def _suggestion(name: str) -> str:
    wanted = name.strip().replace(" ", "_").casefold()
    for zone in sorted(known_zones()):
        if wanted in (zone.casefold(), zone.rpartition("/")[2].casefold()):
            return f"; did you mean `{zone}`?"
    return did_you_mean(wanted, known_zones()) or "."
