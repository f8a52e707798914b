"""Lengths of time as people write them: `90s`, `10m`, `4h`, `2d`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
# A century is longer than anything almaflow waits for; more would overflow an instant.
_LONGEST = timedelta(days=36525)


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `10m`, `4h`, `2d`, `1h30m`; largest unit first, each at most once.

    Raises:
        ValueError: *text* is not a valid duration, or is over a hundred years; with the remedy.
    """
    match = _DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ValueError(
            f"`{text}` is not a valid duration. Write a number and a unit, such as `90s`, "
            "`10m`, `4h` or `2d`, or several, such as `1h30m`."
        )
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        duration = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        duration = timedelta.max
    if duration > _LONGEST:
        raise ValueError(f"`{text}` is longer than a hundred years.")
    return duration


def format_duration(duration: timedelta) -> str:
    """Write *duration* as `1h30m`; parts of a second are dropped, nothing is `0s`."""
    seconds = int(duration.total_seconds())
    sign = "-" if seconds < 0 else ""
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(abs(seconds), size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + ("".join(parts) or "0s")
