"""The time zone of this machine: an example for people, which no tick depends on."""

from __future__ import annotations

import tzlocal

from almaflow.timetable.zones import find_zone


def zone_of_this_machine() -> str:
    """Return the IANA name of this machine's time zone; `UTC` when it has none that is known."""
    try:
        name = tzlocal.get_localzone_name()
        find_zone(name)
    except (LookupError, ValueError, OSError):
        # No setting, two that differ, or one that is not a zone.
        return "UTC"
    return "UTC" if name in ("Etc/UTC", "Etc/UCT", "GMT", "Etc/GMT") else name
