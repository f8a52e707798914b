"""Time zones by their IANA names, the same on every machine.

The names come from the tzdata package, because a machine's own list depends on its system and,
on some, on its file system's idea of upper and lower case.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from zoneinfo import ZoneInfo

from almaflow.late_patterns import late_pattern
from almaflow.problems import did_you_mean
from almaflow.timetable.errors import TimetableInvalid

# Names in the package that no timetable can mean: no zone at all, and abbreviations that never
# change to daylight saving time, unlike the clocks of the people who write them.
_NOT_MEANT = frozenset({"Factory", "EST", "MST", "HST"})

_OFFSET = late_pattern(
    r"(?:UTC|GMT|Z)?[ ]*([-+\u2212])[ ]*(\d{1,2})(?::?(\d{2}))?", re.ASCII | re.I
)
_ABBREVIATION = late_pattern(r"[A-Z]{2,5}")
_FURTHEST_WEST, _FURTHEST_EAST = -12, 14
_PLACES = "`Europe/Zurich`"
# Other spellings of the names that systems keep: with and without leap seconds.
_OTHER_TREES = ("posix/", "right/")
_OF_WINDOWS = ("_standard_time", "_daylight_time")
# Towns that have no zone of their own name, and the names of Windows. Source: Unicode CLDR,
# supplemental/windowsZones.xml.
_OTHER_NAMES = {
    name: zone
    for zone, names in {
        "Europe/Berlin": "w._europe munich münchen frankfurt hamburg köln cologne stuttgart bonn",
        "Europe/Zurich": "bern basel geneva genf genève lausanne luzern",
        "Europe/Vienna": "wien graz salzburg innsbruck",
        "Europe/Paris": "romance lyon marseille",
        "Europe/London": "gmt_(london) edinburgh manchester cardiff",
        "Europe/Rome": "milan milano turin torino",
        "Europe/Madrid": "barcelona valencia",
        "Europe/Warsaw": "central_european krakow",
        "Europe/Budapest": "central_europe",
        "Europe/Istanbul": "turkey ankara",
        "America/New_York": "eastern us_eastern boston washington philadelphia",
        "America/Chicago": "central houston dallas austin",
        "America/Denver": "mountain",
        "America/Los_Angeles": "pacific san_francisco seattle san_diego",
        "America/Toronto": "ottawa montreal",
        "Asia/Shanghai": "china beijing peking shenzhen guangzhou nanjing",
        "Asia/Kolkata": "india new_delhi delhi mumbai bangalore",
        "Asia/Jerusalem": "israel haifa",
        "Asia/Tokyo": "tokyo osaka",
        "Asia/Seoul": "korea",
        "Australia/Sydney": "aus_eastern canberra",
        "Pacific/Auckland": "new_zealand wellington",
    }.items()
    for name in names.split()
}
_OF_THIS_MACHINE = frozenset({"localtime", "posixrules", "local", "system"})


@cache
def known_zones() -> frozenset[str]:
    """Return all names, such as `Europe/Zurich`, the old ones (`CET`) included."""
    # `importlib.resources` would do, and takes longer to import than all names to read.
    (folder,) = import_module("tzdata").__path__
    names = Path(folder, "zones").read_text("utf-8").split()
    return frozenset(names) - _NOT_MEANT


def find_zone(name: str) -> ZoneInfo:
    """Return the zone called *name*.

    Raises:
        TimetableInvalid: there is none; says which one may be meant.
    """
    if name not in known_zones():
        raise TimetableInvalid(_refusal(name))
    return ZoneInfo(name)


def _refusal(name: str) -> str:
    """Return why *name* is refused, and what to write, in whole sentences."""
    offset = _OFFSET.fullmatch(name.strip())
    if offset is not None:
        return f"`{name}` is an offset, not a time zone{_for_offset(offset)}"
    if name.casefold() in _OF_THIS_MACHINE:
        return (
            f"`{name}` is the setting of this machine, so the same file would mean different "
            f"times on another machine. Use the name of a place, such as {_PLACES}."
        )
    if name == "Factory":
        return (
            f"`Factory` means that no time zone is set. Use the name of a place, such as {_PLACES}."
        )
    suggestion = _suggestion(name)
    if not suggestion and (name in _NOT_MEANT or _ABBREVIATION.fullmatch(name)):
        return (
            f"`{name}` is an abbreviation. Abbreviations do not follow daylight saving time or "
            f"have several meanings. Use the name of a place, such as {_PLACES} or "
            "`America/New_York`."
        )
    return (
        f"`{name}` is not a valid time zone{suggestion or '.'} Zones have IANA names, such as "
        f"{_PLACES} or `UTC`."
    )


def _for_offset(offset: re.Match[str]) -> str:
    """Return what to write in place of an offset, as the end of a sentence."""
    sign, hours, minutes = offset[1], int(offset[2]), int(offset[3] or 0)
    east = hours if sign == "+" else -hours
    place = f"Use the name of a place, such as {_PLACES}, which includes daylight saving time"
    if not hours and not minutes:
        return ". Write `UTC`."
    if minutes or not _FURTHEST_WEST <= east <= _FURTHEST_EAST:
        return f". {place}."
    side = "ahead of" if east > 0 else "behind"
    zone = f"Etc/GMT{-east:+d}"
    return (
        f". {place}. If the clocks never change and are {hours} h {side} UTC, use `{zone}`; in "
        "these names the sign is reversed."
    )


def _suggestion(name: str) -> str:
    """Return the zone that may be meant, as the end of a sentence; empty when none is near."""
    spelling = name.strip().replace(" ", "_").casefold()
    spelling = next(
        (spelling[len(one) :] for one in _OTHER_TREES if spelling.startswith(one)), spelling
    )
    folded = {zone.casefold(): zone for zone in known_zones()}
    cities = {key.rpartition("/")[2]: zone for key, zone in sorted(folded.items())}
    meant = folded.get(spelling, cities.get(spelling))
    if meant := meant or _OTHER_NAMES.get(
        spelling.rpartition("/")[2].removesuffix("_standard_time")
    ):
        return f"; did you mean `{meant}`?"
    if spelling.endswith(_OF_WINDOWS):
        return ""
    # Of a short name too many others are near.
    return did_you_mean(spelling, known_zones()) if len(spelling) > len("CEST") else ""
